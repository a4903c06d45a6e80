"""Sweeps: grids of models too large for a chapter, cut into blocks that jobs of their own train.

A file in TOML names techniques, values of their hyperparameters, seeds and sizes. The store keeps
the run of each block; a table with a row for each model is what is left of them all.
"""

import itertools
import math
import re
import sys
import textwrap
import tomllib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import xarray as xr

from regularization.analysis import measures
from regularization.core import backend
from regularization.core.settings import ALONG, Settings
from regularization.results import provenance, store
from regularization.results.files import replacing
from regularization.results.run import IMAGE
from regularization.study import registry, tuning

#: What a sweep's file may say of all its techniques, beside `seeds` and `models_per_job`.
SETTINGS = ("steps", *ALONG, "batch_size", "loss")
MOST = 1_000_000  # models in one sweep
MOST_JOBS = 10_000
#: What is measured of each model.
MEASURES = ("train_accuracy", "validation_accuracy", "test_accuracy")
MEASURES += ("weight_min", "weight_max", "smoothness")
#: What a table says of each model, after its technique and hyperparameters.
COLUMNS = (*ALONG, "seed", "training_steps", "batch_size", "loss", "dataset", "backend")
COLUMNS += ("source_hash", *MEASURES)


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
    return replace(grid, every=tuning.examined_every(grid.technique, grid.steps)).on(digits)


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


def measured(run):
    """Return what a table keeps of each model of a run: a dataset of MEASURES along its axes."""
    smoothness = xr.apply_ufunc(
        measures.smoothness, run.weights, input_core_dims=[IMAGE], vectorize=True
    )
    found = {name: getattr(run, name) for name in MEASURES if name != "smoothness"}
    return xr.Dataset(found | {"smoothness": smoothness})


def rows(slug, run):
    """Return a frame with a row for each model: how it was trained, and what became of it.

    A technique may have a hyperparameter `steps`, so those of the training are `training_steps`.
    """
    settings, found = run.settings, measured(run)
    said = settings.technique.settings() | {name: getattr(settings, name) for name in ALONG}
    said |= {name: getattr(settings, name) for name in ("batch_size", "loss", "dataset")}
    said |= {"technique": slug, "training_steps": settings.steps, "backend": run.made["backend"]}
    said |= {"source_hash": provenance.of_training(settings.technique)}
    table = found.to_dataframe(dim_order=[*settings.axes]).reset_index()
    return table.assign(**{name: value for name, value in said.items() if name not in table})


def write(tables, path):
    """Write frames as one CSV, whole or not at all; a hyperparameter that is not had is empty."""
    table = pd.concat(tables)
    own = [name for name in table if name not in ("technique", *COLUMNS)]
    with replacing(path) as temporary:
        table[["technique", *own, *COLUMNS]].to_csv(temporary, index=False)


def read_table(path):
    """Return a table as a frame; ValueError if it is not one that `write` has written."""
    try:
        table = pd.read_csv(path)
        whole = isinstance(table.index, pd.RangeIndex) and {"technique", *COLUMNS} <= {*table}
        if not whole or table[["technique", *COLUMNS]].isna().any(axis=None):
            raise ValueError("a row has more cells than its head, or fewer")
    except ValueError as error:
        raise ValueError(
            f"{path} is not a sweep's table: {textwrap.shorten(str(error), 300)}. Expected what "
            "`make sweep` writes. Delete it and run the sweep again."
        ) from error
    return table


def load(name, slug, digits):
    """Return a technique's grid in the table of the sweep called `name`; None where none fits.

    It fits if it was made of these digits, on this backend and by the sources as they are. The grid
    is a dataset of MEASURES along the technique's knob, `train_size`, `label_noise` and `seed`, and
    what else has several values. Raises ValueError for a table that is damaged, or has no grid.
    """
    path = store.folder().parent / "sweeps" / f"{name}.csv"
    table = read_table(path) if path.is_file() else pd.DataFrame({"technique": []})
    table = table[table["technique"] == slug]
    if table.empty:
        return None
    technique, knob = registry.get(slug).technique, registry.knob(slug)
    asked = {"dataset": digits.name, "backend": backend.name}
    asked |= {"source_hash": provenance.of_training(technique)}
    if any((table[name] != value).any() for name, value in asked.items()):
        said = "is of other digits, another backend or older sources: left out"
        print(f"{slug} in {path.name} {said}.", file=sys.stderr)
        return None
    axes = [
        name
        for name in (*technique.settings(), *ALONG, "seed")
        if name in (knob, "train_size", "label_noise", "seed") or table[name].nunique() > 1
    ]
    if math.prod(table[name].nunique() for name in axes) != len(table):
        raise ValueError(
            f"{path} has no grid of {slug}, but {len(table):,} rows. Expected one for each of its "
            f"{', '.join(axes)}. Mend the sweep's file and run it again."
        )
    steps = table["training_steps"].iloc[0]
    print(f"From a sweep of {len(table):,} models, of {steps:,} steps each.")
    return table.set_index(axes)[[*MEASURES]].to_xarray()
