"""Settings: one value that says all that a training depends on."""

import importlib
import math
import textwrap
from dataclasses import dataclass, fields, replace

import numpy as np

from regularization.core.model import INITIAL_STDDEV, LOSSES, OPTIMIZERS
from regularization.core.technique import Technique

VERSION = 3  # of the JSON
ACTIVATIONS = ("relu", "bilinear")
#: Of the settings, those that may have several values: each is an axis of the run.
ALONG = ("learning_rate", "train_size", "label_noise", "initial_stddev")


@dataclass(frozen=True, eq=False)
class Settings:
    """A technique and how it is trained; frozen, checked, and the same after a way through JSON.

    A hyperparameter of the technique, `learning_rate`, `train_size`, `label_noise` and
    `initial_stddev` are one value or several. Several make an axis, and so do the `seeds`: a model
    is trained at every place of the grid. `seeds` is how many, or which. `train_size` is how many
    training images a seed draws (None: all), `label_noise` the share of wrong labels among them.
    `hidden` are the widths of hidden layers, their `activation` is "relu" or "bilinear".
    `optimizer` is "adam" or "sgd", `initial_stddev` the standard deviation of the weights at the
    start (0: all are zero). The model is evaluated on the test images after every `every` steps
    (None: often at first, then each thousand steps), and at the end. Of the first seed `frames`
    evaluations are kept as pictures, the start among them, as many early as late. `dataset` is the
    name of the data (None: those that it is trained on). Raises ValueError for a value that makes
    no sense.
    """

    technique: Technique = Technique()
    steps: int = 3_000
    seeds: tuple = (0,)
    learning_rate: float | tuple = 1e-4
    batch_size: int = 32
    loss: str = "squared_error"
    train_size: int | tuple | None = None
    label_noise: float | tuple = 0.0
    hidden: tuple = ()
    activation: str = "relu"
    optimizer: str = "adam"
    initial_stddev: float | tuple = INITIAL_STDDEV
    every: int | None = None
    frames: int = 0
    dataset: str | None = None

    def __post_init__(self):
        """Bring every value into its form, and refuse what makes no sense."""
        set_ = object.__setattr__
        valid = isinstance(self.technique, Technique)
        _expect(valid, "technique", self.technique, "a technique, as Dropout(rate=0.5)")
        seeds = self.seeds.tolist() if isinstance(self.seeds, np.ndarray) else self.seeds
        seeds = range(seeds) if _whole(seeds) else seeds
        expected = "how many, from 1, or different seeds from 0 to 2^31 - 1"
        _expect(isinstance(seeds, list | tuple | range), "seeds", self.seeds, expected)
        valid = len(seeds) > 0 and all(_whole(seed) and 0 <= seed < 2**31 for seed in seeds)
        _expect(valid and len(set(seeds)) == len(seeds), "seeds", self.seeds, expected)
        set_(self, "seeds", tuple(map(int, seeds)))
        for name in ("steps", "batch_size"):
            set_(self, name, _whole_number(name, getattr(self, name)))
        if self.every is not None:
            expected = "steps between two evaluations, a whole number from 1"
            set_(self, "every", _whole_number("every", self.every, expected))
        expected = "a whole number, 0 for none"
        set_(self, "frames", _whole_number("frames", self.frames, expected, least=0))
        choices = {"loss": LOSSES, "optimizer": OPTIMIZERS, "activation": ACTIVATIONS}
        for name, known in choices.items():
            value = getattr(self, name)
            valid = isinstance(value, str) and value in known
            _expect(valid, name, value, f"one of {', '.join(known)}")
        valid = isinstance(self.hidden, tuple | list) and all(
            _whole(w) and w > 0 for w in self.hidden
        )
        _expect(valid, "hidden", self.hidden, "the widths of the hidden layers, as (128,)")
        set_(self, "hidden", tuple(map(int, self.hidden)))
        valid = self.dataset is None or isinstance(self.dataset, str)
        _expect(valid, "dataset", self.dataset, "the name of a data set")
        # From zero no hidden layer moves.
        start = f"a number {'above' if self.hidden else 'of at least'} 0"
        rules = {
            "learning_rate": (float, lambda v: 0 < v < 1e38 and np.float32(v), "a number above 0"),
            "label_noise": (float, lambda v: 0 <= v <= 1, "a share of the labels, from 0 to 1"),
            "initial_stddev": (float, lambda v: 0 < v < 1e18 or v == 0 == len(self.hidden), start),
            "train_size": (int, lambda v: _whole(v) and 0 < v < 2**31, "a whole number from 1"),
        }
        for name, (kind, valid, expected) in rules.items():
            if name != "train_size" or self.train_size is not None:
                set_(self, name, _one_or_several(name, getattr(self, name), kind, valid, expected))
        for name, value in self.technique.settings().items():
            twice = isinstance(value, list) and len(set(value)) < len(value)
            _expect(not twice, name, value, "each value once")

    @property
    def axes(self):
        """The values of everything that differs between the models, tuples by name; seeds last."""
        along = self.technique.settings() | {name: getattr(self, name) for name in ALONG}
        several = {k: tuple(v) for k, v in along.items() if isinstance(v, list | tuple)}
        return several | {"seed": self.seeds}

    @property
    def shape(self):
        """How many values every axis has."""
        return tuple(map(len, self.axes.values()))

    def of_models(self):
        """Return what each model has, arrays by name, the last axis fastest; and the technique.

        The technique has an array for each hyperparameter that is an axis, and knows how many
        images each model is trained on.
        """
        grid = np.meshgrid(*self.axes.values(), indexing="ij")
        columns = dict(zip(self.axes, map(np.ravel, grid), strict=True))
        count = len(columns["seed"])
        known = {name: np.full(count, getattr(self, name)) for name in ALONG if name not in columns}
        columns = known | columns
        own = {name: np.float32(columns[name]) for name in self.technique.arrays()}
        sizes = columns["train_size"]
        size = sizes[0] if len(set(sizes.tolist())) == 1 else np.float32(sizes)
        return columns, self.technique.with_arrays(own | {"train_size": size})

    def on(self, digits):
        """Return the settings with the name and the size of the digits, checked against them."""
        known = self.dataset in (None, digits.name)
        _expect(known, "dataset", self.dataset, f"{digits.name}, which these digits are, or None")
        count = len(digits.train_images)
        sizes = count if self.train_size is None else self.train_size
        least, most = np.min(sizes), np.max(sizes)
        expected = f"a whole number from 1 to {count:,}, all images"
        _expect(most <= count, "train_size", self.train_size, expected)
        expected = f"a whole number from 1 to {least:,}, all images"
        _expect(self.batch_size <= least, "batch_size", self.batch_size, expected)
        return replace(self, dataset=digits.name, train_size=sizes)

    def at(self, **labels):
        """Return the settings of a part of the grid: at one value of an axis, or at several.

        Raises KeyError for a name that is no axis, ValueError for a value that is not on it.
        """
        changed, own = {}, {}
        for name, label in labels.items():
            found, several = indices_of(self.axes, name, label), np.ndim(label)
            value = [self.axes[name][place] for place in np.atleast_1d(found)]
            if name == "seed":
                changed["seeds"] = value
            else:
                (changed if name in ALONG else own)[name] = value if several else value[0]
        return replace(self, technique=replace(self.technique, **own), **changed)

    def to_json(self):
        """Return what JSON can hold, the same for the same settings."""
        named = {"name": type(self.technique).__name__} | self.technique.settings()
        others = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "technique"}
        others = {k: list(v) if isinstance(v, tuple) else v for k, v in others.items()}
        return {"version": VERSION, "technique": named} | others

    @classmethod
    def from_json(cls, values):
        """Return the settings that `to_json` gave; ValueError where they are of another kind."""
        if not isinstance(values, dict) or values.get("version") != VERSION:
            found = values.get("version") if isinstance(values, dict) else values
            raise ValueError(
                f"These settings are of version {found!r}. Expected version {VERSION}, which "
                "Settings.to_json writes. Train again."
            )
        others = {name: value for name, value in values.items() if name != "version"}
        names = {each.name for each in fields(cls)}
        if wrong := sorted(map(ascii, others.keys() ^ names)):
            raise ValueError(
                f"Settings of unknown or missing keys: {', '.join(wrong)}. Expected "
                f"{', '.join(sorted(names))}. Train again."
            )
        # Never how many: a file might say two thousand million.
        _expect(isinstance(others["seeds"], list), "seeds", others["seeds"], "a list of seeds")
        return cls(**others | {"technique": technique_of(others["technique"])})

    def __eq__(self, other):
        """Whether the other are settings that say the same."""
        return isinstance(other, Settings) and self.to_json() == other.to_json()

    def __hash__(self):
        """Agree with equality."""
        return hash((type(self.technique).__name__, self.steps, *self.axes))

    def __str__(self):
        """Say in a few words what is trained."""
        models = math.prod(self.shape)
        several = f"{models:,} models of " if models > 1 else ""
        return f"{several}{self.technique}, {self.steps:,} steps"


def technique_of(values):
    """Return the technique that its name and hyperparameters say; ValueError where it is gone."""
    # By its name: a run of one technique does not depend on the sources of the others.
    importlib.import_module("regularization.core.techniques")
    name = values.get("name") if isinstance(values, dict) else None
    known = {kind.__name__: kind for kind in [Technique, *_kinds(Technique)]}
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"There is no technique {_said(name)}. Expected one of {', '.join(sorted(known))}. "
            "It may have been renamed or removed since this was written: train again."
        )
    own = {key: value for key, value in values.items() if key != "name"}
    if wrong := own.keys() ^ {each.name for each in fields(known[name])}:
        raise ValueError(
            f"{name} has other hyperparameters than {', '.join(sorted(map(ascii, wrong)))}: it was "
            "another when this was written. Train again."
        )
    return known[name](**own)


def _kinds(kind):
    """Yield what is derived from a class, the package's own last: no notebook's hides it."""
    derived = [each for kind in kind.__subclasses__() for each in (kind, *_kinds(kind))]
    yield from sorted(derived, key=lambda each: each.__module__.startswith("regularization."))


def indices_of(axes, name, labels):
    """Return the indices of labels on an axis, by nearly equal numbers; KeyError, ValueError."""
    if name not in axes:
        raise KeyError(f"There is no axis {name!r}. Expected one of {', '.join(axes)}.")
    found = []
    for label in np.atleast_1d(labels).tolist():
        nearest = int(np.argmin(np.abs(np.subtract(axes[name], label))))
        if not np.isclose(axes[name][nearest], label, rtol=1e-6, atol=0):
            raise ValueError(f"{name} has no {label!r}. Expected one of {axes[name]}.")
        found.append(nearest)
    return found if np.ndim(labels) else found[0]


def _one_or_several(name, given, kind, valid, expected):
    """Return a number, or a tuple of different ones, of a kind; ValueError for anything else."""
    values = given.tolist() if isinstance(given, np.ndarray | np.generic) else given
    several = [*values] if isinstance(values, list | tuple | range) else [values]
    numbers = several and all(
        isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in several
    )
    fits = numbers and all(valid(value) for value in several)
    _expect(fits and len(set(several)) == len(several), name, given, f"{expected}, or several")
    several = tuple(kind(value) for value in several)
    return several if np.ndim(given) else several[0]


def _whole_number(name, value, expected="a whole number from 1", least=1):
    _expect(_whole(value) and least <= value < 2**31, name, value, expected)
    return int(value)


def _expect(valid, name, value, expected):
    if not valid:
        raise ValueError(f"Settings({name}={_said(value)}): expected {expected}.")


def _said(value):
    return textwrap.shorten(repr(value), 200, placeholder=" ...")


def _whole(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
