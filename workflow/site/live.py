"""The last cell of a chapter, for a page to train again: its numbers, and where in it they stand.

The code says which numbers of a training a reader can change; the run that it left says all that
the code leaves to others, a default or an earlier cell. assets/living/cell.js does the rest.
"""

import ast
import contextlib
import json
import math
from dataclasses import asdict, fields

from regularization.core import own, techniques
from regularization.core.settings import Settings
from regularization.core.technique import Range
from regularization.report.style import live_by
from regularization.results import run
from workflow.site.openings import shown

CELL = "try-it"
KINDS = {name: each for name, each in vars(techniques).items() if isinstance(each, type)}
#: What of a training a page can change, beside the technique's hyperparameters.
TRAINING = {
    "steps": Range("a whole number from 1", low=1),
    "learning_rate": Range("a number above 0", above=0),
    "batch_size": Range("a whole number from 1", low=1),
    "train_size": Range("a whole number from 1", low=1),
    "label_noise": Range("a share of the labels, from 0 to 1", low=0, high=1),
}


def outputs(cell, build, page):
    """Return what a page's cell shows before all else: by what the page trains it, or nothing."""
    digits = build / "results" / "training_digits.bin"  # which another page gives
    about = told("".join(cell["source"]), _trained(build, page)) if digits.is_file() else None
    return [shown(f"<div{live_by('cell', **about)}></div>")] if about else []


def _trained(build, page):
    """Return the settings of the runs of the build's data that a page asked the store for."""
    dataset = json.loads((build / "settings.json").read_text(encoding="utf-8"))["dataset"]
    record = json.loads((build / "logs" / f"{page}.json").read_text(encoding="utf-8"))
    found = []
    for name in record["runs"]:
        # Of a technique that a notebook defines, the code is not kept.
        with contextlib.suppress(FileNotFoundError, ValueError):
            found.append(run.read(build / "runs" / f"{name}.safetensors")[0].settings)
    name = own.short(dataset) if own.is_own(dataset) else dataset
    return [each for each in found if each.dataset == name]


def told(source, trained):
    """Return what a page has to know to train what a cell does, what JSON holds; None if it cannot.

    `source` is the cell's code, of which the last technique is meant; `trained` the settings of its
    chapter's runs, of which the plainest with the code's numbers is the cell's.
    """
    tree = ast.parse(source)
    made, training = _last(tree, KINDS), _last(tree, ("Settings", "replace"))
    on = [each.id for each in getattr(_last(tree, ("train",)), "args", ()) if _is_name(each)]
    if made is None or training is None or "digits" not in on:  # others may have data of their own
        return None
    kind = KINDS[made.func.id]
    hyper, common = _numbers(made, kind), _numbers(training, Settings)
    common = {name: node for name, node in common.items() if name in TRAINING}
    fits = [
        each
        for each in trained
        if type(each.technique) is kind
        and _can_be(each)
        and _has(each.technique, hyper)
        and _has(each, common)
    ]
    if not fits:
        return None
    its = min(fits, key=_differences)
    ranges = {each.name: each.metadata.get("range", Range()) for each in fields(kind)}
    return {
        "technique": kind.__name__,
        "hyper": its.technique.settings(),
        "training": {name: getattr(its, name) for name in TRAINING},
        "loss": its.loss,
        "seeds": len(its.seeds),
        "numbers": [
            {"of": of, "name": name} | _place(node) | _ends(ranges[name])
            for of, numbers, ranges in (("hyper", hyper, ranges), ("training", common, TRAINING))
            for name, node in numbers.items()
        ],
    }


def _is_name(node):
    return isinstance(node, ast.Name)


def _last(tree, names):
    """Return the last call of one of these names; None where there is none."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in names]
    return max(calls, key=lambda call: (call.lineno, call.col_offset), default=None)


def _numbers(call, kind):
    """Return the numbers that a call gives as they stand, nodes by the names of what they set."""
    given = dict(zip((each.name for each in fields(kind)), call.args, strict=False))
    given |= {each.arg: each.value for each in call.keywords}
    return {
        name: node
        for name, node in given.items()
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    }


def _can_be(settings):
    """Return whether a page's script trains by such settings: one model, of one layer, by Adam."""
    names = ("hidden", "optimizer", "initial_stddev")
    usual = all(getattr(settings, name) == getattr(Settings, name) for name in names)
    return usual and settings.shape == (len(settings.seeds),)


def _has(made, numbers):
    return all(getattr(made, name) == node.value for name, node in numbers.items())


def _differences(settings):
    """Return how many settings are not at their defaults."""
    return sum(getattr(settings, each.name) != each.default for each in fields(Settings))


def _place(node):
    """Return where in its cell a number stands, from 0, and whether it is a whole one."""
    ends = {"from": node.col_offset, "to": node.end_col_offset}
    return {"line": node.lineno - 1, "whole": isinstance(node.value, int)} | ends


def _ends(within):
    """Return the ends that a range has, by name, and what it expects."""
    infinite = (-math.inf, math.inf)
    return {end: value for end, value in asdict(within).items() if value not in infinite}
