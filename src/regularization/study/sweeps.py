"""Sweeps: grids of models too large for a chapter, cut into blocks that jobs of their own train.

A file in TOML names techniques, values of their hyperparameters, seeds and sizes. The store keeps
the run of each block; `analysis.swept` makes a table of them all.
"""

import itertools
import math
import re
import textwrap
import tomllib
from dataclasses import replace
from pathlib import Path

from regularization.core.settings import ALONG, Settings
from regularization.study import registry, tuning

#: What a sweep's file may say of all its techniques, beside `seeds` and `models_per_job`.
SETTINGS = ("steps", *ALONG, "batch_size", "loss")
MOST = 1_000_000  # models in one sweep
MOST_JOBS = 10_000


def read(path, digits):
    """Return the blocks of a sweep's file: pairs of a technique's slug and the `Settings` of a run.

    Raises ValueError, which says what is wrong with the file.
    """
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} cannot be read: {textwrap.shorten(str(error), 300)}. Expected a sweep's file "
            "in TOML, as those in sweeps/."
        ) from error
    try:
        return _blocks(given, digits)
    except ValueError as error:
        said = re.sub(r"([\[(][^\])]{100})[^\])]+", r"\1...", str(error))  # a long list
        said = re.sub(r"^Settings\((.*)\): expected", r"\1. Expected", said)
        raise ValueError(f"{path} is not a sweep: {said}") from error


def _blocks(given, digits):
    known = ("techniques", "seeds", *SETTINGS, "models_per_job")
    for key in given:
        _expect(key in known, f"it has an unknown key {key!r}", f"one of {', '.join(known)}")
    named, most = given.get("techniques"), given.get("models_per_job", 100)
    valid = isinstance(named, dict) and named
    _expect(valid, f"techniques is {named!r}", "tables of values, as [techniques.l2]")
    valid = type(most) is int and most > 0
    _expect(valid, f"models_per_job is {most!r}", "a whole number from 1")
    grids = {slug: _grid(slug, values, given, digits) for slug, values in named.items()}
    # Of a million seeds, none is written down before it is known how many models they make.
    seeds = given.get("seeds", 5)
    count = len(seeds) if isinstance(seeds, list) else seeds if type(seeds) is int else 1
    models = count * sum(math.prod(grid.shape) for grid in grids.values())
    _expect(models <= MOST, f"it has {models:,} models", f"{MOST:,} at most")
    blocks = (
        (slug, block)
        for slug, grid in grids.items()
        for block in cut(replace(grid, seeds=seeds), most)
    )
    blocks = [*itertools.islice(blocks, MOST_JOBS + 1)]
    expected = f"{MOST_JOBS:,} at most, by a larger models_per_job"
    _expect(len(blocks) <= MOST_JOBS, f"it has more than {MOST_JOBS:,} jobs", expected)
    return blocks


def _grid(slug, values, given, digits):
    """Return the settings of all models of a technique, from one seed."""
    known = ", ".join(registry.TECHNIQUES)
    _expect(slug in registry.TECHNIQUES, f"there is no technique {slug!r}", f"one of {known}")
    experiment = registry.get(slug)
    own = ", ".join(experiment.technique.settings())
    expected = f"values of {own}" if own else "none: it has no hyperparameter"
    _expect(isinstance(values, dict), f"{slug} is {values!r}", expected)
    for name, value in values.items():
        _expect(name in own.split(", "), f"{slug} has no hyperparameter {name!r}", expected)
        several = value if isinstance(value, list) else [value]
        # Training counts in 32 bits.
        valid = several and all(type(v) in (int, float) and abs(v) < 1e38 for v in several)
        _expect(valid, f"{slug}: {name} is {value!r}", "a number, or a list of them")
    said = {"learning_rate": experiment.learning_rate, "loss": experiment.loss}
    said |= {name: given[name] for name in SETTINGS if name in given}
    sizes, everything = said.get("train_size", "all"), len(digits.train_images)
    if isinstance(sizes, list):
        said["train_size"] = [everything if size == "all" else size for size in sizes]
        valid = str not in map(type, said["train_size"])
        _expect(valid, f"train_size is {sizes!r}", 'whole numbers, or "all"')
    elif sizes == "all":
        said["train_size"] = None
    grid = Settings(replace(experiment.technique, **values), **said)
    return replace(grid, every=tuning.evaluated_every(grid.technique, grid.steps)).on(digits)


def cut(settings, most):
    """Yield `settings` in blocks of at most `most` models, an axis at a time, the seeds first.

    So more seeds later leave the blocks of the first ones as they are.
    """
    models, axes = math.prod(settings.shape), settings.axes
    if models <= most:
        yield settings
        return
    name = "seed" if len(settings.seeds) > 1 else max(axes, key=lambda name: len(axes[name]))
    values = axes[name]
    size = max(most * len(values) // models, 1)
    for start in range(0, len(values), size):
        part = values[start : start + size]
        block = replace(settings, seeds=part) if name == "seed" else settings.at(**{name: part})
        yield from cut(block, most)


def _expect(valid, found, expected):
    if not valid:
        raise ValueError(f"{found}. Expected {expected}.")
