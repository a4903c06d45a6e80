"""What the living pages load: weights, digits and films, small files beside the results.

A file is named arrays and words about them, safetensors packed by gzip, whose checksum tells a
damaged one. `book/assets/living/files.js` reads it.
"""

import base64
import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save as packed

from regularization.analysis import evaluation, measures
from regularization.core.subsets import subset
from regularization.report import pictures, tables
from regularization.results import files, store
from regularization.study import registry

SHADES = 31  # of a frame, on either side of zero: a byte each, packed to some five bits
FEWER = 10  # the same for a page of many frames, to some four bits
TEST, TRAIN, VALIDATION = 1_000, 2_000, 500  # images that a page loads, at most
MOST = 590_000  # bytes that all of these may take, packed: of what packs badly there are fewer


def given():
    """Return the folder for what the page at work gives to its readers, as a build names it."""
    return Path(os.environ.get("GIVEN_DIR") or store.folder().parent / "lab")


def save(name, arrays, about, folder=None):
    """Write arrays by name, and `about`, what JSON can hold, to a file for the page's readers."""
    content = packed(
        {key: np.ascontiguousarray(array) for key, array in arrays.items()},
        {"about": json.dumps(about)},
    )
    files.write(Path(folder or given()) / name, gzip.compress(content, mtime=0))


def reel(axes, weights, accuracy, shades=SHADES, note=""):
    """Return the frames of a reel, int8, and what is said of them, a dict.

    `axes` holds places by the name of what a slider moves along, one list for each leading axis of
    `weights`, `[..., classes, height, width]`; `accuracy` has one number for each frame. A frame is
    on its own scale, as `pictures.own_ends` has it; ValueError where it has no finite numbers.
    The `note` is shown beside the sliders.
    """
    if not weights.size:
        raise ValueError(
            f"A film of {weights.shape[: len(axes)]} frames along {', '.join(axes)}: expected at "
            "least one place on each of its axes."
        )
    frames = weights.reshape(-1, *weights.shape[-3:])
    ends = pictures.own_ends(frames)
    most = np.abs(ends).max(axis=-1).reshape(*weights.shape[:-3], 1, 1, 1)
    shown = (weights / most).clip(-1, 1)
    about = {
        "axes": [{"name": name, "at": [*map(float, at)]} for name, at in axes.items()],
        "shades": shades,
        "note": note,
        "ends": ends.tolist(),
        "largest": np.abs(frames).max(axis=(-3, -2, -1)).tolist(),
        "accuracy": np.ravel(accuracy).tolist(),
        "smoothness": [measures.smoothness(frame) for frame in frames],
    }
    return np.round(shown * shades).astype("int8"), about


def save_film(slug, reels, folder=None):
    """Write the reels of a film, pairs as `reel` returns them."""
    arrays = {str(number): frames for number, (frames, _) in enumerate(reels)}
    save(f"{slug}.film", arrays, {"reels": [about for _, about in reels]}, folder)


def save_technique(slug, run, path, digits, folder=None):
    """Write a technique's film: along its training, and along its path to far too much."""
    frames = run.frames.values
    predictions = evaluation.logits(frames, digits.test_images).argmax(axis=-1)
    accuracy = (predictions == digits.test_labels[:, None]).mean(axis=0)
    training = reel({"step": run.frames["step"].values}, frames, accuracy)
    save_film(slug, [training, _along(slug, path)], folder)


def _along(slug, path, shades=SHADES):
    """Return the reel of a technique's path, of its first seed."""
    name = registry.knob(slug)
    note = f"Along the {name}: {path.settings.steps:,} steps each"
    if name != "learning_rate":
        note += f", at a learning rate of {path.settings.learning_rate:g}"
    note = note.replace("_", " ") + "."
    at = path.settings.axes[name]
    weights, accuracy = (each.isel(seed=0).values for each in (path.weights, path.test_accuracy))
    axes = {name.replace("learning_rate", "learning rate"): at}
    frames, about = reel(axes, weights, accuracy, shades, note)
    experiment = registry.get(slug)
    own = getattr(experiment.technique, name, experiment.learning_rate)
    nearest = int(np.abs(np.array(at) - own).argmin())
    return frames, about | {"printed": nearest}


def save_cover(paths, digits, folder=None):
    """Write what the front page moves: the path of each technique, runs by slug, small.

    A drawing is answered by the frames as they are written. Weights of one sign have half of the
    shades alone, so they get more.
    """

    def shades(path):
        return SHADES if path.weights.min() >= 0 or path.weights.max() <= 0 else FEWER

    reels = [_along(slug, path, shades(path)) for slug, path in paths.items()]
    arrays = {str(number): frames for number, (frames, _) in enumerate(reels)}
    about = [
        told | {"title": registry.title(slug)} for slug, (_, told) in zip(paths, reels, strict=True)
    ]
    save("cover.film", arrays, {"reels": about} | of_data(digits), folder)


def save_weights(runs, folder=None):
    """Write the weights of each run's first seed, `runs` by slug."""
    weights = np.stack([run.weights.values[0] for run in runs.values()]).astype("float32")
    about = {"techniques": [{"slug": slug, "title": registry.title(slug)} for slug in runs]}
    save("weights.bin", {"weights": weights}, about, folder)


def save_test_digits(digits, indices, folder=None):
    """Write the test images at `indices`, and how a drawing is made one of them."""
    arrays = {"images": digits.test_images[indices], "labels": digits.test_labels[indices]}
    save("test_digits.bin", arrays, of_data(digits), folder)


def of_data(digits):
    """Return what a page has to know of a data set, what JSON can hold."""
    told = {name: getattr(digits.card, name) for name in ("class_names", "noun", "form")}
    return told | {"name": digits.name}


def opening(image, label, weights, digits):
    """Return what a board opens with before a file is loaded: a digit `[height, width]`, its label,
    and its evidence for the class of these `weights`, pixels on [0, 1] times weights."""
    evidence = np.asarray(weights, "<f4") * (np.asarray(image, "<f4") / np.float32(255))
    parts = {"image": np.asarray(image, "uint8"), "evidence": evidence}
    packed = {key: base64.b64encode(array.tobytes()).decode() for key, array in parts.items()}
    return packed | {"label": int(label), "shape": np.shape(image)} | of_data(digits)


def save_training_digits(small, runs, tuned, reference, folder=None):
    """Write the training and validation digits of `small`, and what the widget can set.

    `runs` and `tuned` hold by slug what was trained at the chapters' settings and at those chosen
    with equal care; `reference` is a run of ours on these digits.
    """
    names = ("train_images", "train_labels", "validation_images", "validation_labels")
    about = {
        "techniques": [_technique(slug, run, tuned[slug]) for slug, run in runs.items()],
        "reference": {"accuracy": tables.percent(reference.test_accuracy)}
        | {k: getattr(reference.settings, k) for k in ("steps", "learning_rate", "batch_size")},
    } | of_data(small)
    save("training_digits.bin", {name: getattr(small, name) for name in names}, about, folder)


def _technique(slug, run, tuned):
    """Return what a page has to know to train a technique, beyond its code."""
    experiment, knob, own = registry.get(slug), registry.knob(slug), run.settings.technique
    return {
        "slug": slug,
        "title": registry.title(slug),
        "name": type(own).__name__,
        "settings": own.settings(),
        "loss": run.settings.loss,
        "of_the_post": slug in registry.EXPERIMENTS,
        "knob": knob if experiment.tried else None,
        "path": sorted(experiment.path or experiment.tried.get(knob, ())),
        "in_chapter": _place(run, knob),
        "chosen": _place(tuned, knob),
    }


def _place(run, knob):
    return {
        "rate": run.settings.learning_rate,
        "strength": getattr(run.settings.technique, knob, None),
    }


def probabilities(runs, images):
    """Return what each run's first seed makes of images: `[runs, n, classes]`."""
    return np.stack([evaluation.probabilities(run.weights[0], images) for run in runs])


def disagreement(predictions):
    """Return for each image the share of predictions `[models, n]` that are not the most common."""
    agreed = [np.bincount(column).max() for column in predictions.T]
    return 1 - np.array(agreed) / len(predictions)


def fitting(count, digits):
    """Return how many of `count` images a page loads, so that all that it loads fits into MOST."""
    some = digits.train_images[:500]
    size = len(gzip.compress(np.ascontiguousarray(some))) / len(some)
    return int(count * min(1, MOST / (size * (TEST + TRAIN + VALIDATION))))


def test_digits(digits, runs):
    """Return the indices of the test digits that a page loads: the most disputed first."""
    count = fitting(TEST, digits)
    indices = np.unique(np.linspace(0, len(digits.test_images) - 1, count).round().astype(int))
    predictions = probabilities(runs, digits.test_images[indices]).argmax(axis=-1)
    return indices[np.argsort(-disagreement(predictions), kind="stable")]


def training_digits(digits, indices):
    """Return those digits alone that a page loads, of the test digits those at `indices`."""
    train = subset(digits, 0, fitting(TRAIN, digits)).indices
    held_back = slice(fitting(VALIDATION, digits))
    parts = {"train": train, "validation": held_back, "test": indices}
    names = {f"{part}_{what}": at for part, at in parts.items() for what in ("images", "labels")}
    return replace(digits, **{name: getattr(digits, name)[at] for name, at in names.items()})
