"""Sweeps: grids of models too large for a chapter, in blocks that are trained by jobs of their own.

A file in YAML names techniques, values of their hyperparameters, seeds and sizes. Each block of its
models is one run; a table with a row for each model is what is left of them all.
"""

import csv
import hashlib
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from regularization import experiments, measures, runs
from regularization.training import check, fit

#: What a sweep's file may say beside its techniques; None is what the technique's chapter has.
SETTINGS = {
    "seeds": 5,
    "steps": 3_000,
    "learning_rate": None,
    "train_size": "all",
    "label_noise": 0.0,
    "batch_size": 32,
    "loss": None,
    "models_per_job": 100,
}
MOST = 1_000_000  # models in one sweep
#: What differs between the models of a technique, beside its hyperparameters.
ALONG = ("learning_rate", "train_size", "label_noise", "seed")
#: What is measured of each model.
MEASURES = (
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "weight_min",
    "weight_max",
    "smoothness",
)


class _Once(yaml.SafeLoader):
    """YAML whose keys stand there once: the library takes the last of two, without a word."""

    def construct_mapping(self, node, deep=False):
        """Return a mapping as a dict; YAMLError where a key is repeated."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key!r} stands there twice")
        return super().construct_mapping(node, deep)


def read(path, digits):
    """Return the blocks of a sweep's file, a list of dicts; ValueError says what is wrong with it.

    A block says all that its models depend on: `technique` (its chapter's name), hyperparameters
    and what is in ALONG as lists with an entry for each model, `steps`, `batch_size`, `loss`.
    """
    try:
        given = yaml.load(Path(path).read_text(), _Once)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(
            f"{path} cannot be read: {' '.join(str(error).split())}. Expected a sweep's file in "
            "YAML, as those in sweeps/."
        ) from error
    try:
        return [*_blocks(given, digits)]
    except ValueError as error:
        raise ValueError(f"{path} is not a sweep: {error}") from error


def _blocks(given, digits):
    known = ["techniques", *SETTINGS]
    _expect(isinstance(given, dict), f"it holds {given!r}", f"keys of {', '.join(known)}")
    for key in given:
        _expect(key in known, f"it has an unknown key {key!r}", f"one of {', '.join(known)}")
    settings = {key: _number(given.get(key, usual)) for key, usual in SETTINGS.items()}
    named = given.get("techniques")
    valid = isinstance(named, dict) and named
    _expect(valid, f"techniques is {named!r}", "chapters and their values, as l2: {strength: 0.1}")
    for name in ("steps", "batch_size", "models_per_job"):
        _expect(_whole(settings[name]), f"{name} is {settings[name]!r}", "a whole number from 1")
    axes = {slug: _axes(slug, values, settings, digits) for slug, values in named.items()}
    models = sum(math.prod(map(len, along.values())) for along in axes.values())
    _expect(0 < models <= MOST, f"it has {models:,} models", f"from 1 to {MOST:,}")
    for slug, along in axes.items():
        loss = settings["loss"] or experiments.get(slug).loss
        fixed = dict(steps=settings["steps"], batch_size=settings["batch_size"], loss=loss)
        grid = itertools.product(*along.values())
        while chunk := [*itertools.islice(grid, settings["models_per_job"])]:
            columns = map(list, zip(*chunk, strict=True))
            block = {"technique": slug, **dict(zip(along, columns, strict=True)), **fixed}
            _check(block, digits)
            yield block


def _axes(slug, values, settings, digits):
    """Return the values of everything that differs between the models of a technique, by name."""
    chapters = ", ".join(experiments.TECHNIQUES)
    _expect(slug in experiments.TECHNIQUES, f"there is no technique {slug!r}", f"one of {chapters}")
    technique = experiments.get(slug).technique
    own = [name for name in technique.settings() if name != "train_size"]
    values = {} if values is None else values
    _expect(isinstance(values, dict), f"{slug} has {values!r}", f"values of {', '.join(own)}")
    for name in values:
        expected = f"one of {', '.join(own)}" if own else "none: it has no hyperparameter"
        _expect(name in own, f"{slug} has no hyperparameter {name!r}", expected)
    rate, sizes = settings["learning_rate"], settings["train_size"]
    everything = len(digits.train_images)
    sizes = [everything if size == "all" else size for size in _listed(sizes)]
    axes = {name: [*map(_number, _listed(each))] for name, each in values.items()}
    axes["learning_rate"] = [experiments.get(slug).learning_rate] if rate is None else _listed(rate)
    axes["train_size"], axes["label_noise"] = sizes, _listed(settings["label_noise"])
    seeds = settings["seeds"]
    valid = isinstance(seeds, list) or _whole(seeds) and seeds <= MOST
    _expect(valid, f"seeds is {seeds!r}", f"how many, from 1 to {MOST:,}, or a list of seeds")
    axes["seed"] = seeds if isinstance(seeds, list) else range(seeds)
    for name, each in axes.items():
        _expect(len(each) > 0, f"{slug}: {name} is an empty list", "one value at least")
        told = "numbers" + (", or all" if name == "train_size" else "")
        valid = all(type(value) in (int, float) for value in each)
        _expect(valid, f"{slug}: {name} is {_listed(each)!r}", told)
        _expect(len(set(each)) == len(each), f"{slug}: {name} is {each!r}", "each value once")
    return axes


def _check(block, digits):
    """Raise ValueError for settings with which a block cannot be trained."""
    try:
        check(_technique(block), digits, **_settings(block))
    except ValueError as error:
        raise ValueError(f"{block['technique']}: {error}") from error


def _technique(block):
    technique = experiments.get(block["technique"]).technique
    own = {name: np.array(block[name]) for name in technique.settings() if name in block}
    return replace(technique, **own)


def _settings(block):
    names = ("steps", "batch_size", "loss", "learning_rate", "train_size", "label_noise")
    return {name: block[name] for name in names} | {"seeds": block["seed"]}


def _number(value):
    """Return what YAML 1.1 takes for a word, 1e-4, as the number that it is; a list's too."""
    if isinstance(value, list):
        return [*map(_number, value)]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _listed(value):
    return [*value] if isinstance(value, list | range) else [value]


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _expect(valid, found, expected):
    if not valid:
        raise ValueError(f"{found}. Expected {expected}.")


def name_of(block, **made_with):
    """Return a name for a block that is another as soon as anything in it is another."""
    text = json.dumps(block | made_with, sort_keys=True)
    return f"{block['technique']}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def train(block, digits, **changed):
    """Train a block's models in one run, with some settings `changed`; return the run."""
    technique, settings = _technique(block), _settings(block) | changed
    steps = settings["steps"]
    every = max(steps // 10, 1) if technique.overrides("review") else steps
    return fit(technique, digits, **{"every": every} | settings)


def measured(run, digits):
    """Return what a table keeps of each model: a list for each of MEASURES."""
    return {
        "train_accuracy": run.train_accuracy,
        "validation_accuracy": experiments.on_validation(run, digits).tolist(),
        "test_accuracy": run.test_accuracy,
        "weight_min": run.weight_min,
        "weight_max": run.weight_max,
        "smoothness": [float(measures.smoothness(weights)) for weights in run.weights],
    }


def rows(block, run, digits):
    """Return a row for each model of a block: how it was trained, and what became of it."""
    count = len(block["seed"])
    columns = {k: v if isinstance(v, list) else [v] * count for k, v in block.items()}
    columns |= {"dataset": [digits.name] * count, "backend": [run.backend] * count}
    columns |= measured(run, digits)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def write(table, path):
    """Write rows as CSV, whole or not at all; a hyperparameter that a technique lacks is empty."""
    names = dict.fromkeys(name for row in table for name in row)
    last = [name for name in names if name in (*ALONG, "steps", "batch_size", "loss")]
    last += ["dataset", "backend", *MEASURES]
    first = ["technique", *(name for name in names if name not in ("technique", *last))]
    with runs.replacing(path) as temporary, open(temporary, "w", newline="") as file:
        written = csv.DictWriter(file, first + last)
        written.writeheader()
        written.writerows(table)


def read_table(path):
    """Return the rows of a table; ValueError if it is not one that `write` has written."""
    try:
        with open(path, newline="") as file:
            table = [*csv.DictReader(file, strict=True)]
        return [{name: _cell(value) for name, value in row.items() if value != ""} for row in table]
    except (csv.Error, UnicodeDecodeError, TypeError) as error:
        raise ValueError(
            f"{path} is not a sweep's table: {error}. Expected what `make sweep` writes. Delete it "
            "and run the sweep again."
        ) from error


def _cell(text):
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text


def load(name, digits):
    """Return the table of the sweep called `name` on these digits; None where there is none."""
    for folder in runs.folders():
        if (path := folder / f"{name}.csv").is_file():
            table = read_table(path)
            if table and table[0].get("dataset") == digits.name:
                return table
    return None


class Grid(NamedTuple):
    """A technique along its hyperparameter: what was measured, `[values, sizes, shares, seeds]`."""

    values: list
    sizes: list
    shares: list
    seeds: list
    measures: dict


def grid(table, slug):
    """Return a technique's `Grid` from a table; ValueError if it is no whole grid of one knob."""
    own = [row for row in table if row["technique"] == slug]
    knob = experiments.knob(slug)
    axes = [knob.replace(" ", "_"), "train_size", "label_noise", "seed"]
    try:
        places = [sorted({row[name] for row in own}) for name in axes]
        shape = tuple(map(len, places))
        if len(own) != math.prod(shape) or not own:
            raise ValueError(f"it has {len(own)} rows of {slug}")
        own.sort(key=lambda row: [row[name] for name in axes])
        found = {m: np.reshape([row[m] for row in own], shape) for m in MEASURES}
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"The sweep's table has no grid of {slug}: {error}. Expected a row for each {knob}, "
            "training size, share of wrong labels and seed. Mend the sweep's file and run it again."
        ) from error
    return Grid(*places, found)


def grid_of(run, digits, values, sizes, shares, seeds):
    """Return the `Grid` of a run of `experiments.fit_grid` along the same axes."""
    shape = len(values), len(sizes), len(shares), len(seeds)
    found = {name: np.reshape(each, shape) for name, each in measured(run, digits).items()}
    return Grid([*values], [*sizes], [*shares], [*seeds], found)
