"""A run: what training left behind, and its life on disk as `<slug>.json` and `<slug>.npz`."""

import contextlib
import datetime
import hashlib
import json
import os
import platform
import subprocess
import textwrap
import zipfile
from dataclasses import dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
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
    the images and labels trained on, `train_size` and `label_noise` say which. `seconds_per_step`,
    of one seed's step, is of the moment, and not saved: the same training leaves the same files.
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
    curve: dict
    device: str
    backend: str
    versions: dict
    commit: str
    source_hash: str
    weights: np.ndarray
    parameters: dict
    slug: str = ""
    seconds_per_step: float | None = None

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
        """Return whether two runs are one to the bit, but for their commit."""
        told_apart = SCHEMA.keys() - {"commit"}
        mine, theirs = ({"weights": r.weights} | r.parameters for r in (self, other))
        return (
            all(getattr(self, name) == getattr(other, name) for name in told_apart)
            and mine.keys() == theirs.keys()
            and all(np.array_equal(mine[name], theirs[name]) for name in mine)
        )

    def save(self, slug, folder=None):
        """Write `<slug>.npz`, then `<slug>.json`, each whole or not at all.

        Files of the same run, trained before, stay as they are, with their commit: what depends on
        them need not be made again.
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
    """Return the saved run of a chapter.

    Raises FileNotFoundError where there is none, ValueError if it is not what `Run.save` writes:
    the files may hold anything.
    """
    path = Path(folder or folders()[0]) / f"{slug}.json"
    try:
        values = json.loads(path.read_text())
        _check(values)
        arrays = _read_arrays(path.with_suffix(".npz"), len(values["seeds"]), values["hidden"])
        weights = arrays.pop("weights")
        if weights.ndim != 4:
            raise ValueError(f"weights of shape {weights.shape}, expected four axes")
        run = Run(
            **{field.name: values[field.name] for field in fields(Run) if field.name in values},
            weights=weights,
            parameters={name.removeprefix("parameter_"): array for name, array in arrays.items()},
        )
        # Two files of different runs: saving was interrupted between them.
        wrong = [name for name in SCHEMA if getattr(run, name) != values[name]]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} not as its weights and name have it")
    except FileNotFoundError:
        raise
    except Exception as error:  # json, zipfile and NumPy raise a dozen kinds for damaged files
        reason = textwrap.shorten(str(error) or type(error).__name__, 500)
        raise ValueError(
            f"{path} is not a saved run: {reason}. Delete it and run the chapter again."
        ) from error
    return run


def _check(values):
    """Raise ValueError unless `values`, anything that JSON can hold, are those of a run."""
    if not isinstance(values, dict):
        raise ValueError(f"it holds a {type(values).__name__}, expected an object")
    wrong = [name for name, kind in SCHEMA.items() if not isinstance(values.get(name, ...), kind)]
    wrong += sorted(map(ascii, values.keys() - SCHEMA.keys()))
    wrong = wrong or [name for name, right in _contents(values) if not right]
    if wrong:
        names = ", ".join(wrong)
        raise ValueError(f"missing, unknown or of the wrong type or length: {names}")


def _contents(values):
    """Yield the names of what is within `values`, and whether it is as in a run."""
    seeds, number = len(values["seeds"]), int | float
    for name in ("steps", "batch_size"):
        yield name, _holds(values[name], int)
    for name in [name for name, kind in SCHEMA.items() if kind is list]:
        kind = int if name in ("seeds", "hidden", "train_size") else number
        yield name, _holds(values[name], kind, None if name == "hidden" else seeds)
    for name, value in (values["technique"] | {"learning_rate": values["learning_rate"]}).items():
        of_all = isinstance(value, str) if name == "name" else _holds(value, number)
        yield ascii(name), of_all or _holds(value, number, seeds)
    yield "technique", "name" in values["technique"]
    yield "versions", all(isinstance(version, str) for version in values["versions"].values())
    rows = values["curve"] | {}
    steps = rows.pop("step", None)
    yield "curve", rows.keys() - {"validation_accuracy"} == {"train_loss", "test_accuracy"}
    yield "step", _holds(steps, int, None)
    for name, row in rows.items():
        yield ascii(name), isinstance(steps, list) and _holds(row, number, len(steps), seeds)


def _holds(value, kind, *shape):
    """Return whether `value` is a finite number of a kind, or lists of them; a None fits any."""
    if not shape:
        return isinstance(value, kind) and not isinstance(value, bool) and abs(value) < 2**63
    fits = isinstance(value, list) and shape[0] in (None, len(value))
    return fits and all(_holds(each, kind, *shape[1:]) for each in value)


def _read_arrays(path, seeds, hidden):
    """Return the arrays of a `.npz` by name, none of which takes memory that it does not fill."""
    layers = sum(before * after for before, after in pairwise([28 * 28, *hidden, 10]))
    most = 2**16 + 16 * 4 * seeds * layers  # no technique has as many arrays of a layer
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > most:
            raise ValueError(f"{path.name} unpacks to {size} bytes, expected {most} at most")
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in arrays or not (name == "weights" or name.startswith("parameter_")):
                raise ValueError(f"{name!a} in {path.name} is unknown or there twice")
            if member.compress_type != zipfile.ZIP_DEFLATED:  # others unpack without a limit
                raise ValueError(f"{name!a} in {path.name} is packed in another way")
            with archive.open(member) as file:
                np.lib.format.read_magic(file)
                shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
                if dtype != np.float32 or shape[:1] != (seeds,):
                    raise ValueError(
                        f"{name!a} is {dtype} {shape}, expected float32 [{seeds}, ...]"
                    )
                values = np.frombuffer(file.read(member.file_size), dtype)
            arrays[name] = values.reshape(shape, order="F" if by_column else "C").copy()
    if "weights" not in arrays:
        raise ValueError(f"{path.name} has no weights")
    return arrays


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
    commit = _git("describe", "--always", "--dirty=+")
    return {"versions": versions, "commit": commit, "source_hash": source_hash()}


def source_hash():
    """Return a short hash of the package's sources: results of other sources are out of date."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def date():
    """Return the day of the sources, not of the build: SOURCE_DATE_EPOCH, or else the commit's.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    moment = os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct")
    if not moment.isdigit():
        return "unknown"
    return datetime.datetime.fromtimestamp(int(moment), datetime.UTC).date().isoformat()


def _git(*words):
    command = ["git", "-C", str(Path(__file__).parent), *words]
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
