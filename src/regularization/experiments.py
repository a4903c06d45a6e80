"""The five runs of the 2016 post: what each trains, and what the post reported for it."""

import tomllib
from pathlib import Path
from typing import NamedTuple

from regularization import runs
from regularization.techniques import (
    L2,
    Dropout,
    GaussianWeights,
    Technique,
    WeightNormalization,
)
from regularization.training import fit


class Experiment(NamedTuple):
    """A technique at the post's hyperparameters, and its learning rate."""

    technique: Technique
    learning_rate: float = 1e-4


#: In the post's order, by the slug of the chapter.
EXPERIMENTS = {
    "no_regularization": Experiment(Technique()),
    "dropout": Experiment(Dropout(rate=0.5)),
    "gaussian_weights": Experiment(GaussianWeights(noise_scale=0.5), learning_rate=1e-3),
    "l2": Experiment(L2(strength=1e-2)),
    "weight_normalization": Experiment(WeightNormalization()),
}

#: The post's figures by slug: accuracy, weights, runtimes. Quoted, with their source.
POST = tomllib.loads(Path(__file__).with_name("post.toml").read_text())


def get(slug):
    """Return the experiment of a technique's chapter; ValueError if there is none."""
    if slug not in EXPERIMENTS:
        raise ValueError(
            f"There is no technique {slug!r}. Expected one of {', '.join(EXPERIMENTS)}. "
            "Use the name of a chapter in book/techniques, without its ending."
        )
    return EXPERIMENTS[slug]


def load_or_train(slug, digits, preset):
    """Return the chapter's saved run, or train it, and say so, where none fits.

    A saved run fits if it was made with these digits, this preset and the sources as they are.
    """
    technique, learning_rate = get(slug)
    asked = (digits.name, preset, runs.source_hash())
    reason = "there is no saved run"
    for folder in runs.folders():
        try:
            run = runs.load(slug, folder)
        except FileNotFoundError:
            continue
        except ValueError as error:
            reason = str(error)
            continue
        if (run.dataset, run.preset, run.source_hash) == asked:
            return run
        reason = f"the saved run is of {run.dataset} at {run.preset}, or of older sources"
    print(f"Training {slug} at the preset {preset}: {reason}.")
    run = fit(technique, digits, preset, learning_rate=learning_rate)
    run.slug = slug
    return run
