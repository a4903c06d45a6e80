"""Sweeps: grids of models too large for a chapter, in blocks that are trained by jobs of their own.

A file in YAML names techniques, values of their hyperparameters, seeds and sizes. Each block of its
models is one run; a table with a row for each model is what is left of them all.
"""

import csv
import hashlib
import itertools
import json
import math
import re
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from regularization.analysis import measures
from regularization.core import backend
from regularization.core.fit import check, fit
from regularization.results import run as runs
from regularization.study import registry as experiments

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
MOST_JOBS = 10_000
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


class _Plain(yaml.SafeLoader):
    """YAML without aliases, which can hide a million values in a line, and without repeated keys.

    Of two keys the library takes the last, without a word.
    """

    def compose_node(self, parent, index):
        """Read the next value; YAMLError where it is an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias (*name): write the values out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        """Return a mapping as a dict; YAMLError where a key is repeated."""
        mapping = super().construct_mapping(node, deep)
        names = Counter(key.value for key, _ in node.value)
        if len(mapping) < len(node.value):
            raise yaml.YAMLError(f"{names.most_common(1)[0][0]!r} stands there twice")
        return mapping


def read(path, digits):
    """Return the blocks of a sweep's file, a list of dicts; ValueError says what is wrong with it.

    A block says all that its models depend on: `technique` (its chapter's name), `values` (its
    hyperparameters by name) and what is in ALONG, as lists with an entry for each model, `steps`,
    `batch_size` and `loss`.
    """
    try:
        given = yaml.load(Path(path).read_text(), _Plain)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(
            f"{path} cannot be read: {textwrap.shorten(str(error), 300)}. Expected a sweep's file "
            "in YAML, as those in sweeps/."
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
    for name, value in settings.items():
        plain = not any(isinstance(each, list | dict) for each in _listed(value))
        _expect(plain, f"{name} is {value!r}", "a value, or a list of values")
    named = given.get("techniques")
    valid = isinstance(named, dict) and named
    _expect(valid, f"techniques is {named!r}", "chapters and their values, as l2: {strength: 0.1}")
    for name in ("steps", "batch_size", "models_per_job"):
        valid = _whole(settings[name]) and settings[name] < 2**31
        _expect(valid, f"{name} is {settings[name]!r}", "a whole number from 1, below 2^31")
    axes = {slug: _axes(slug, values, settings, digits) for slug, values in named.items()}
    models = sum(math.prod(map(len, along.values())) for along in axes.values())
    _expect(0 < models <= MOST, f"it has {models:,} models", f"from 1 to {MOST:,}")
    jobs = math.ceil(models / settings["models_per_job"])
    _expect(jobs <= MOST_JOBS, f"it has {jobs:,} jobs", f"{MOST_JOBS:,} at most: models_per_job")
    for slug, along in axes.items():
        loss = experiments.get(slug).loss if settings["loss"] is None else settings["loss"]
        fixed = dict(steps=settings["steps"], batch_size=settings["batch_size"], loss=loss)
        # Seed by seed, so that more seeds later leave the blocks of the first ones as they are.
        grid = itertools.product(*along.values())
        while chunk := [*itertools.islice(grid, settings["models_per_job"])]:
            columns = dict(zip(along, map(list, zip(*chunk, strict=True)), strict=True))
            values = {name: columns.pop(name) for name in [*columns] if name not in ALONG}
            block = {"technique": slug, "values": values, **columns, **fixed}
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
    seeds = settings["seeds"]
    valid = isinstance(seeds, list) or _whole(seeds) and seeds <= MOST
    _expect(valid, f"seeds is {seeds!r}", f"how many, from 1 to {MOST:,}, or a list of seeds")
    axes = {"seed": seeds if isinstance(seeds, list) else range(seeds)}
    axes |= {name: _listed(_number(each)) for name, each in values.items()}
    axes["learning_rate"] = [experiments.get(slug).learning_rate] if rate is None else _listed(rate)
    axes["train_size"], axes["label_noise"] = sizes, _listed(settings["label_noise"])
    for name, each in axes.items():
        _expect(len(each) > 0, f"{slug}: {name} is an empty list", "one value at least")
        told = "numbers" + (", or all" if name == "train_size" else "")
        wrong = [value for value in each if type(value) not in (int, float) or abs(value) > 1e38]
        _expect(not wrong, f"{slug}: {name} is {wrong[:1]}", told)
        twice = [value for value, count in Counter(each).items() if count > 1]
        _expect(not twice, f"{slug}: {name} has {twice[:1]} twice", "each value once")
    for name in values:
        for value in axes[name]:
            replace(technique, **{name: value})  # which refuses one that is out of its range
    return axes


def _check(block, digits):
    """Raise ValueError for settings with which a block cannot be trained."""
    try:
        check(_technique(block), digits, **_settings(block))
    except ValueError as error:
        said = re.sub(r"^fit\((.*)\): expected", r"\1. Expected", str(error))
        raise ValueError(f"{block['technique']}: {said}") from error


def _technique(block):
    technique = experiments.get(block["technique"]).technique
    values = {name: np.array(each) for name, each in block["values"].items()}
    if "train_size" in technique.settings():
        values["train_size"] = np.array(block["train_size"])
    return replace(technique, **values)


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
    every = experiments.examined_every(technique, settings["steps"])
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


def described(block):
    """Return a row for each model of a block that says how it is trained.

    A technique may have a hyperparameter `steps`, so those of the training are `training_steps`.
    """
    columns = {name: block[name] for name in ALONG} | block["values"]
    fixed = {"technique": block["technique"], "training_steps": block["steps"]}
    fixed |= {name: block[name] for name in ("batch_size", "loss")}
    models = zip(*columns.values(), strict=True)
    return [fixed | dict(zip(columns, model, strict=True)) for model in models]


def rows(block, run, digits):
    """Return a row for each model of a block: how it was trained, and what became of it."""
    found = measured(run, digits)
    of_all = {"dataset": digits.name, "backend": run.backend}
    return [
        row | of_all | {name: found[name][i] for name in MEASURES}
        for i, row in enumerate(described(block))
    ]


def write(table, path):
    """Write rows as CSV, whole or not at all; a hyperparameter that a technique lacks is empty."""
    names = dict.fromkeys(name for row in table for name in row)
    last = [*ALONG, "training_steps", "batch_size", "loss", "dataset", "backend", "source_hash"]
    last = [name for name in (*last, *MEASURES) if name in names]
    own = [name for name in names if name not in ("technique", *last)]
    with runs.replacing(path) as temporary, open(temporary, "w", newline="") as file:
        written = csv.DictWriter(file, ["technique", *own, *last])
        written.writeheader()
        written.writerows(table)


def read_table(path):
    """Return the rows of a table; ValueError if it is not one that `write` has written."""
    try:
        with open(path, newline="") as file:
            table = [*csv.DictReader(file, strict=True)]
        if any(None in (*row, *row.values()) for row in table):
            raise csv.Error("a row has more cells than its head, or fewer")
        return [{name: _cell(value) for name, value in row.items() if value != ""} for row in table]
    except (csv.Error, UnicodeDecodeError) as error:
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
    """Return the table of the sweep called `name`, and say so; an empty one where none fits.

    It fits if it was made of these digits, on this backend and by the sources as they are.
    """
    asked = {"dataset": digits.name, "backend": backend.name, "source_hash": runs.source_hash()}
    for path in (folder / f"{name}.csv" for folder in runs.folders()):
        if path.is_file():
            table = read_table(path)
            if table and asked.items() <= table[0].items():
                steps = table[0]["training_steps"]
                print(f"From a sweep of {len(table):,} models, of {steps:,} steps each.")
                return table
            print(f"{path.name} is of other digits, another backend or older sources: left out.")
    return []


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
