"""The post's five runs, what they should have been, and what the post reported."""

import itertools
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regularization import measures, presets, runs
from regularization.techniques import (
    L2,
    DensityWeights,
    DrawnWeights,
    Dropout,
    GaussianWeights,
    Technique,
    WeightNormalization,
    WeightNormalizationWithGain,
)
from regularization.training import fit


class Experiment(NamedTuple):
    """A technique at its hyperparameters, its learning rate; or a path along `strengths`."""

    technique: Technique
    learning_rate: float = 1e-4
    strengths: tuple = ()


#: In the post's order, by the slug of the chapter.
EXPERIMENTS = {
    "no_regularization": Experiment(Technique()),
    "dropout": Experiment(Dropout(rate=0.5)),
    "gaussian_weights": Experiment(GaussianWeights(noise_scale=0.5), learning_rate=1e-3),
    "l2": Experiment(L2(strength=1e-2)),
    "weight_normalization": Experiment(WeightNormalization()),
}
#: What the names say, where the post's code does otherwise: the chapter "As it should be".
CORRECTIONS = {
    "density_weights": Experiment(DensityWeights(noise_scale=0.5), learning_rate=1e-3),
    "drawn_weights": Experiment(DrawnWeights(noise_scale=0.5), learning_rate=1e-3),
    "weight_normalization_with_gain": Experiment(WeightNormalizationWithGain()),
    "l2_path": Experiment(L2(), strengths=(0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2)),
}
_ALL = EXPERIMENTS | CORRECTIONS

_FILE = tomllib.loads(Path(__file__).with_name("quoted.toml").read_text())
#: The post's figures by slug: accuracy, weights, runtimes. Quoted, with their source.
POST = _FILE["post"]
#: Phrases of the book's prose that state a figure of a source, or a setting: [{phrase, source}].
QUOTED = _FILE["quoted"]


def get(slug):
    """Return the experiment of this name; ValueError if there is none."""
    if slug not in _ALL:
        raise ValueError(
            f"There is no technique {slug!r}. Expected one of {', '.join(_ALL)}. "
            "Use the name of a chapter in book/techniques, without its ending."
        )
    return _ALL[slug]


def train(slug, digits, preset):
    """Train an experiment from the preset's seeds, at each of its strengths; return the run."""
    technique, learning_rate, strengths = get(slug)
    settings = dict(seeds=presets.get(preset).seeds, learning_rate=learning_rate)
    if strengths:
        run = fit_grid(type(technique), strengths, digits, preset=preset, **settings)
    else:
        run = fit(technique, digits, preset, **settings)
    run.slug = slug
    return run


def fit_grid(kind, values, digits, seeds, *, train_size=(None,), label_noise=(0.0,), **settings):
    """Train `kind(value)` at each value, training size and share of wrong labels, from each seed.

    All in one run, whose replicas are in that order: what it has one of for each replica takes the
    shape `[values, sizes, shares, seeds]`. A size None is all images.
    """
    sizes = [len(digits.train_images) if size is None else size for size in train_size]
    grid = list(itertools.product(values, sizes, label_noise, seeds))
    values, sizes, shares, seeds = map(list, zip(*grid, strict=True))
    technique = kind(np.array(values, float))
    return fit(technique, digits, seeds=seeds, train_size=sizes, label_noise=shares, **settings)


def load_or_train(slug, digits, preset):
    """Return an experiment's saved run, or train it, and say so, where none fits.

    A saved run fits if it was made with these digits, this preset and the sources as they are.
    """
    get(slug)
    asked = (digits.name, preset, runs.source_hash())
    reason = "there is no saved run"
    for folder in runs.folders():
        try:
            run = runs.load(slug, folder)
        except FileNotFoundError:
            continue
        except ValueError as error:
            reason = str(error)
            continue
        if (run.dataset, run.preset, run.source_hash) == asked:
            return run
        reason = f"the saved run is of {run.dataset} at {run.preset}, or of older sources"
    print(f"Training {slug} at the preset {preset}: {reason}.")
    return train(slug, digits, preset)


def on_validation(run, digits):
    """Return each replica's accuracy on the images held back from training."""
    held_back = digits.validation_images, digits.validation_labels
    return np.array([measures.right(weights, *held_back).mean() for weights in run.weights])


def validated(path, digits):
    """Choose along a path of strengths by the images held back from training.

    Returns the strength with the best mean accuracy on them, and that accuracy of each replica.
    """
    accuracy = on_validation(path, digits)
    strengths = np.array(path.technique["strength"])
    best = max(np.unique(strengths), key=lambda strength: accuracy[strengths == strength].mean())
    return best, accuracy
