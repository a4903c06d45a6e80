"""A run: what training left behind, and its life on disk as `<slug>.json` and `<slug>.npz`."""

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import zipfile
from dataclasses import dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

#: What is in `<slug>.json`: every key, and the type of its value.
SCHEMA = {
    "slug": str,
    "title": str,
    "technique": dict,
    "dataset": str,
    "preset": str,
    "steps": int,
    "seeds": list,
    "batch_size": int,
    "learning_rate": float | list,
    "loss": str,
    "hidden": list,
    "train_size": list,
    "label_noise": list,
    "train_accuracy": list,
    "test_accuracy": list,
    "test_accuracy_as_published": list,
    "weight_min": list,
    "weight_max": list,
    "seconds_per_step": float,
    "relative_runtime": float | None,
    "curve": dict,
    "device": str,
    "backend": str,
    "versions": dict,
    "commit": str,
    "source_hash": str,
}


@dataclass
class Run:
    """A technique trained once per seed; lists and leading axes go over the seeds.

    `curve` holds `step [points]`, `train_loss` and `test_accuracy [points, seeds]`; the first is
    the mean `loss` on the batches since the point before, without penalty; and, where a technique
    asks for it, `validation_accuracy`, with the weights in training. `train_accuracy` is on
    the images and labels trained on, `train_size` and `label_noise` say which. `seconds_per_step`
    is for one seed's step; `relative_runtime` is None for a run that is no preset's, or a path.
    `weights` is float32 `[seeds, classes, height, width]`, what the images are multiplied with at
    test time, and in a deeper model `[seeds, hidden, height, width]`; `parameters` holds what was
    trained.
    """

    technique: dict
    dataset: str
    preset: str
    steps: int
    seeds: list
    batch_size: int
    learning_rate: float | list
    loss: str
    hidden: list
    train_size: list
    label_noise: list
    train_accuracy: list
    test_accuracy: list
    test_accuracy_as_published: list
    seconds_per_step: float
    relative_runtime: float | None
    curve: dict
    device: str
    backend: str
    versions: dict
    commit: str
    source_hash: str
    weights: np.ndarray
    parameters: dict
    slug: str = ""

    @property
    def title(self):
        """The slug as a heading: "L2", "Weight normalization", "DropConnect, tuned"."""
        words, name = self.slug.removesuffix("_tuned"), self.technique["name"]
        title = name if name.lower() == words else words.replace("_", " ").capitalize()
        return title if words == self.slug else f"{title}, tuned"

    @property
    def weight_min(self):
        """The smallest weight, per seed."""
        return self.weights.min(axis=(1, 2, 3)).tolist()

    @property
    def weight_max(self):
        """The largest weight, per seed."""
        return self.weights.max(axis=(1, 2, 3)).tolist()

    def of_replicas(self, chosen):
        """Return the run of some of its replicas: every list and array over seeds cut to them."""
        cut = {
            name: [getattr(self, name)[i] for i in chosen]
            for name, kind in SCHEMA.items()
            if kind is list and name not in ("hidden", "weight_min", "weight_max")
        }
        if isinstance(self.learning_rate, list):
            cut["learning_rate"] = [self.learning_rate[i] for i in chosen]
        curve = {
            name: values if name == "step" else [[row[i] for i in chosen] for row in values]
            for name, values in self.curve.items()
        }
        arrays = {name: array[chosen] for name, array in self.parameters.items()}
        technique = {
            name: [value[i] for i in chosen] if isinstance(value, list) else value
            for name, value in self.technique.items()
        }
        return replace(
            self,
            **cut,
            curve=curve,
            technique=technique,
            weights=self.weights[chosen],
            parameters=arrays,
        )

    def same_as(self, other):
        """Return whether two runs are one to the bit, but for their times and commit."""
        told_apart = SCHEMA.keys() - {"seconds_per_step", "relative_runtime", "commit"}
        mine, theirs = ({"weights": r.weights} | r.parameters for r in (self, other))
        return (
            all(getattr(self, name) == getattr(other, name) for name in told_apart)
            and mine.keys() == theirs.keys()
            and all(np.array_equal(mine[name], theirs[name]) for name in mine)
        )

    def save(self, slug, folder=None):
        """Write `<slug>.npz`, then `<slug>.json`, each whole or not at all.

        Files of the same run, trained before, stay as they are, with their times and commit: what
        depends on them need not be made again.
        """
        self.slug = slug
        folder = Path(folder or folders()[0])
        with contextlib.suppress(FileNotFoundError, ValueError):
            if load(slug, folder).same_as(self):
                return
        arrays = {"weights": self.weights}
        arrays |= {f"parameter_{name}": array for name, array in self.parameters.items()}
        with replacing(folder / f"{slug}.npz") as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)
        with replacing(folder / f"{slug}.json") as temporary:
            values = {name: getattr(self, name) for name in SCHEMA}
            temporary.write_text(json.dumps(values, indent=1) + "\n")


def load(slug, folder=None):
    """Return the saved run of a chapter; ValueError if it is not what `Run.save` writes."""
    path = Path(folder or folders()[0]) / f"{slug}.json"
    remedy = "Delete it and run the chapter again."
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError(f"it holds a {type(values).__name__}, expected an object")
        wrong = [k for k, kind in SCHEMA.items() if not isinstance(values.get(k, ...), kind)]
        if wrong or set(values) - set(SCHEMA):
            names = ", ".join(wrong + sorted(set(values) - set(SCHEMA)))
            raise ValueError(f"missing, unknown or of the wrong type: {names}")
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            weights = arrays["weights"]
            parameters = {
                name.removeprefix("parameter_"): arrays[name]
                for name in arrays.files
                if name.startswith("parameter_")
            }
        if weights.ndim != 4 or len(weights) != len(values["seeds"]):
            raise ValueError(f"weights of shape {weights.shape} for {len(values['seeds'])} seeds")
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a saved run: {error}. {remedy}") from error
    names = {field.name for field in fields(Run)}
    return Run(
        **{name: value for name, value in values.items() if name in names},
        weights=weights,
        parameters=parameters,
    )


def folders():
    """Return where results are looked for; they are written to the first.

    The workflow sets RESULTS_DIR. A chapter that a reader runs keeps its results in `_build/lab` of
    the book around it, beside those of the last build, which it reads but leaves as they are.
    """
    if folder := os.environ.get("RESULTS_DIR"):
        return [Path(folder)]
    here = Path.cwd()
    root = next((p for p in (here, *here.parents) if (p / "_toc.yml").is_file()), here)
    return [root / "_build" / "lab", root / "_build" / "results"]


def provenance():
    """Return what made a run, beyond its settings: versions, commit and hash of the sources."""
    versions = {"python": platform.python_version()}
    for name in ("keras", "tensorflow", "jax", "numpy", "scikit-learn", "torch"):
        with contextlib.suppress(PackageNotFoundError):  # one backend is enough
            versions[name] = version(name)
    return {"versions": versions, "commit": _commit(), "source_hash": source_hash()}


def source_hash():
    """Return a short hash of the package's sources: results of other sources are out of date."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _commit():
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@contextlib.contextmanager
def replacing(path):
    """Yield a temporary path beside `path`, which takes its place if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
