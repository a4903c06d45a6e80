"""How long to train, and how often: `paper` is what is published, `quick` is for looking around."""

from typing import NamedTuple


class Preset(NamedTuple):
    """The number of steps, and the seeds of the replicas."""

    steps: int
    seeds: tuple


PRESETS = {
    "paper": Preset(steps=150_000, seeds=(0, 1, 2, 3, 4)),
    "quick": Preset(steps=3_000, seeds=(0, 1)),
}
#: How long a setting is tried, when a technique's settings are chosen with equal care.
TUNING_STEPS = {"paper": 20_000, "quick": 300}


def get(name):
    """Return the preset called `name`; ValueError if there is none."""
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(
            f"There is no preset {name!r}. Expected one of {', '.join(PRESETS)}: "
            "paper trains as long as the post did, quick takes seconds."
        )
    return PRESETS[name]
