"""A run: what training left behind, its axes by name, and its life in a file."""

import hashlib
import json
import textwrap
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from safetensors import safe_open
from safetensors.numpy import save

from regularization.core.settings import Settings, indices_of
from regularization.results import files

#: What every run has; beside them its parameters and, if they were asked for, its frames.
ARRAYS = ("weights", "train_accuracy", "validation_accuracy", "test_accuracy")
ARRAYS += ("test_accuracy_as_published", "curve.step", "curve.train_loss", "curve.test_accuracy")
IMAGE = ("output", "row", "column")


@dataclass(frozen=True, eq=False)
class Run:
    """What training by `settings` left behind: `arrays`, as `fit` returns them.

    What it has for each model is labelled by the axes of the settings, a hyperparameter, learning
    rate, training size, share of wrong labels, and last the seed: `run.weights.sel(strength=1e-3)`,
    `run.test_accuracy.mean("seed")`. `made` says on which data, device and backend, with which
    versions, commit and sources.
    """

    settings: Settings
    arrays: dict
    made: dict

    @property
    def train_accuracy(self):
        """The accuracy on the images and labels trained on."""
        return self._labelled("train_accuracy")

    @property
    def validation_accuracy(self):
        """The accuracy on the images held back from training."""
        return self._labelled("validation_accuracy")

    @property
    def test_accuracy(self):
        """The accuracy on the test images, the technique off."""
        return self._labelled("test_accuracy")

    @property
    def test_accuracy_as_published(self):
        """The accuracy on the test images as the post measured it."""
        return self._labelled("test_accuracy_as_published")

    @cached_property
    def weights(self):
        """What images are multiplied with at test time, by output, row and column."""
        return self._labelled("weights")

    @property
    def weight_min(self):
        """The smallest weight of each model."""
        return self.weights.min(IMAGE)

    @property
    def weight_max(self):
        """The largest weight of each model."""
        return self.weights.max(IMAGE)

    @cached_property
    def parameters(self):
        """What was trained, by name."""
        return self._group("parameters.")

    @cached_property
    def curve(self):
        """Training loss and accuracies along the `step`, by name."""
        return self._group("curve.")

    @property
    def frames(self):
        """The weights of the first seed on the way, along the `step`."""
        return self._labelled("frames.weights")

    def sel(self, **labels):
        """Return the run of some of its models: `run.sel(strength=1e-3)`, `run.sel(seed=[0, 1])`.

        Raises KeyError for an axis, ValueError for a value that it does not have.
        """
        if not labels:
            return self
        (name, label), *others = labels.items()
        place = indices_of(self.settings.axes, name, label)
        cut = self.arrays
        if name == "seed":
            place = np.atleast_1d(place).tolist()
            if place[0] != 0:  # the pictures are of the first seed
                cut = {k: v for k, v in cut.items() if not k.startswith("frames.")}
        cut = {
            each: values.take(place, self._lead(each).index(name))
            if name in self._lead(each)
            else values
            for each, values in cut.items()
        }
        return Run(self.settings.at(**{name: label}), cut, self.made).sel(**dict(others))

    def _lead(self, name):
        """Return the names of an array's first axes."""
        axes = [*self.settings.axes]
        if name in ("curve.step", "frames.step"):
            return ["step"]
        if name.startswith("frames."):
            return ["step", *axes[:-1]]
        return ["step", *axes] if name.startswith("curve.") else axes

    def _labelled(self, name):
        values, lead = self.arrays[name], self._lead(name)
        within = IMAGE if values.ndim == len(lead) + 3 else ("output", "input", "more")
        coords = {axis: list(at) for axis, at in self.settings.axes.items() if axis in lead}
        if "step" in lead:
            coords["step"] = self.arrays[name.partition(".")[0] + ".step"]
        return xr.DataArray(values, coords, [*lead, *within[: values.ndim - len(lead)]])

    def _group(self, prefix):
        return {
            name.removeprefix(prefix): self._labelled(name)
            for name in self.arrays
            if name.startswith(prefix)
        }


def write(run, about, path):
    """Write a run as safetensors, whole or not at all; `about` is what it is kept under."""
    write_arrays(path, _once(run.arrays), {"about": about, "made": run.made})


def write_arrays(path, arrays, said):
    """Write arrays by name, and what is `said` of them, what JSON can hold, whole or not at all."""
    arrays = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    known = json.dumps(said | {"sha256": _sum(arrays, said)})
    files.write(path, save(arrays, {"said": known}))


def read(path):
    """Return a file's `Run`, and what it is kept under.

    Raises FileNotFoundError where there is none, ValueError where it is not what `write` wrote: the
    file may hold anything.
    """
    arrays, said = read_arrays(path)
    try:
        run = Run(
            Settings.from_json(said["about"]["settings"]), arrays | _same(arrays), said["made"]
        )
        _check(run)
    except Exception as error:
        raise _damaged(path, error) from error
    return run, said["about"]


def _check(run):
    """Raise ValueError unless there is what a run of these settings has, of their shape."""
    optional = {"curve.validation_accuracy", "frames.step", "frames.weights"}
    own = {name for name in run.arrays if name.startswith("parameters.")}
    if wrong := {*ARRAYS} - run.arrays.keys() | run.arrays.keys() - own - {*ARRAYS} - optional:
        raise ValueError(f"missing or unknown: {', '.join(sorted(map(ascii, wrong)))}")
    if not isinstance(run.made, dict):
        raise ValueError("what made it is not said")
    sizes = {name: len(values) for name, values in run.settings.axes.items()}
    for name, values in run.arrays.items():
        lead, image = run._lead(name), name in ("weights", "frames.weights")
        if "step" in lead:
            sizes["step"] = len(run.arrays[name.partition(".")[0] + ".step"])
        shape, within = tuple(sizes[axis] for axis in lead), values.ndim - len(lead)
        fits = 0 <= within <= 3 if name in own else within == 3 * image
        kind = "float32" if image or name in own else "float64"
        kind = "int64" if name.endswith(".step") else kind
        finite = name in own or np.isfinite(values).all()
        if values.shape[: len(shape)] != shape or not fits or values.dtype != kind or not finite:
            raise ValueError(
                f"{name!a} is {values.dtype} {values.shape}, expected finite {kind} {shape}"
            )


def read_arrays(path):
    """Return what `write_arrays` has written; raises as `read` does."""
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="numpy") as file:
            said = json.loads(file.metadata()["said"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if said.pop("sha256") != _sum(arrays, said):
            raise ValueError("its checksum is another")
    except Exception as error:  # safetensors, json and NumPy raise a dozen kinds for damaged files
        raise _damaged(path, error) from error
    return arrays, said


def _damaged(path, error):
    reason = textwrap.shorten(str(error) or type(error).__name__, 500)
    return ValueError(f"{path} is not a saved run: {reason}")


def _once(arrays):
    """Leave out the parameters if they are the weights themselves, and nothing else."""
    rest = {name: values for name, values in arrays.items() if name != "parameters.kernel"}
    kernel = arrays.get("parameters.kernel")
    same = kernel is not None and np.array_equal(kernel, arrays["weights"])
    return rest if same and _same(rest) else arrays


def _same(arrays):
    """Return the parameters that `_once` has left out."""
    # A deeper model's later layers keep theirs.
    own = [name for name in arrays if name.startswith("parameters.")]
    left_out = all(name.startswith("parameters.kernel.") for name in own)
    return {"parameters.kernel": arrays["weights"]} if left_out else {}


def _sum(arrays, said):
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]))
    return digest.hexdigest()
