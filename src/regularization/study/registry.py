"""The runs of the book: the post's five, their relatives, what they should have been.

And what the post reported, quoted.
"""

import itertools
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regularization.analysis import evaluation
from regularization.core import techniques
from regularization.core.fit import fit
from regularization.core.technique import Technique
from regularization.results import run as runs
from regularization.study import presets


class Experiment(NamedTuple):
    """A technique at its hyperparameters, its learning rate; or a path along `strengths`.

    `tried` holds, by the name of a hyperparameter, the values among which equal care chooses, from
    the gentlest to the hardest; `path` those at which its pictures are shown, to far too much.
    """

    technique: Technique
    learning_rate: float = 1e-4
    strengths: tuple = ()
    tried: dict = {}
    path: tuple = ()
    loss: str = "squared_error"


_RATES = {"rate": (0.05, 0.1, 0.25, 0.5)}
_STRENGTHS = {"strength": (1e-7, 1e-6, 1e-5, 1e-4)}
_SCALES = {"scale": (0.01, 0.03, 0.1, 0.3)}
_NORMS = {"norm": (100.0, 30.0, 10.0, 3.0)}
_TO_RATES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
_TO_STRENGTHS = (1e-7, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2)
_TO_SCALES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
_TO_NORMS = (100.0, 30.0, 10.0, 5.0, 3.0, 2.0, 1.0, 0.3)

#: In the post's order, by the slug of the chapter.
EXPERIMENTS = {
    "no_regularization": Experiment(Technique()),
    "dropout": Experiment(techniques.Dropout(rate=0.5), tried=_RATES, path=_TO_RATES),
    "gaussian_weights": Experiment(
        techniques.GaussianWeights(noise_scale=0.5),
        learning_rate=1e-3,
        tried={"noise_scale": (0.0, 0.1, 0.25, 0.5)},
        path=(0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    ),
    "l2": Experiment(techniques.L2(strength=1e-2), tried=_STRENGTHS, path=_TO_STRENGTHS),
    "weight_normalization": Experiment(
        techniques.WeightNormalization(), tried=_NORMS, path=_TO_NORMS
    ),
}
#: The techniques that people really use, each of which has a chapter too.
RELATIVES = {
    "l1": Experiment(techniques.L1(strength=3e-5), tried=_STRENGTHS, path=_TO_STRENGTHS),
    "elastic_net": Experiment(
        techniques.ElasticNet(strength=1e-4), tried=_STRENGTHS, path=_TO_STRENGTHS
    ),
    "weight_decay": Experiment(
        techniques.WeightDecay(strength=1.0),
        tried={"strength": (0.003, 0.01, 0.1, 1.0)},
        path=(0.003, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
    ),
    "max_norm": Experiment(techniques.MaxNorm(norm=1.0), tried=_NORMS, path=_TO_NORMS),
    "spectral_normalization": Experiment(
        techniques.SpectralNormalization(norm=1.0), tried=_NORMS, path=_TO_NORMS
    ),
    "weight_normalization_with_gain": Experiment(techniques.WeightNormalizationWithGain()),
    "dropconnect": Experiment(techniques.DropConnect(rate=0.5), tried=_RATES, path=_TO_RATES),
    "weight_noise": Experiment(techniques.WeightNoise(scale=0.3), tried=_SCALES, path=_TO_SCALES),
    "variational_weights": Experiment(
        techniques.VariationalWeights(),
        learning_rate=1e-3,
        tried={"prior": (3.0, 1.0, 0.3, 0.1)},
        path=(10.0, 3.0, 1.0, 0.5, 0.3, 0.1, 0.03, 0.01),
        loss="cross_entropy",
    ),
    "input_noise": Experiment(techniques.InputNoise(scale=0.3), tried=_SCALES, path=_TO_SCALES),
    "augmentation": Experiment(
        techniques.Augmentation(),
        tried={"pixels": (0.25, 0.5, 1.0, 2.0)},
        path=(0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
    ),
    "mixup": Experiment(
        techniques.Mixup(concentration=1.0),
        tried={"concentration": (0.1, 0.2, 0.5, 1.0)},
        path=(0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 16.0),
    ),
    "label_smoothing": Experiment(
        techniques.LabelSmoothing(rate=0.1),
        tried={"rate": (0.03, 0.1, 0.2, 0.4)},
        path=(0.0, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95),
    ),
    "early_stopping": Experiment(
        techniques.EarlyStopping(),
        tried={"patience": (5, 3, 2, 1)},
        path=(10, 8, 6, 5, 4, 3, 2, 1),
    ),
    "weight_averaging": Experiment(
        techniques.WeightAveraging(),
        tried={"steps": (100, 300, 1000, 3000)},
        path=(1, 30, 100, 300, 1000, 3000, 10_000, 30_000),
    ),
    # `make chapter` adds its line above this one.
}
#: What the names say, where the post's code does otherwise: the chapter "As it should be".
CORRECTIONS = {
    "density_weights": Experiment(techniques.DensityWeights(noise_scale=0.5), learning_rate=1e-3),
    "drawn_weights": Experiment(techniques.DrawnWeights(noise_scale=0.5), learning_rate=1e-3),
    "l2_path": Experiment(techniques.L2(), strengths=(0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2)),
}
TECHNIQUES = EXPERIMENTS | RELATIVES
_ALL = TECHNIQUES | CORRECTIONS

TUNED = "_tuned"  # follows the name of a technique whose settings were chosen with equal care
#: How many settings of each technique are tried: a few strengths at each of these learning rates,
BUDGET = 12
LEARNING_RATES = (3e-4, 1e-3, 3e-3)
#: or where a technique has no strength, these learning rates.
MORE_LEARNING_RATES = (1e-4, 2e-4, 3e-4, 4e-4, 6e-4, 8e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 1e-2)

PATH_LEARNING_RATE = 1e-3  # at which a path is trained beside them, for its pictures

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
    if slug.endswith(TUNED):
        return tuned(slug.removesuffix(TUNED), digits, preset)[0]
    experiment = get(slug)
    technique = _fitted(experiment.technique, digits)
    settings = dict(learning_rate=experiment.learning_rate, loss=experiment.loss)
    settings["seeds"] = presets.get(preset).seeds
    if experiment.strengths:
        run = fit_grid(type(technique), experiment.strengths, digits, preset=preset, **settings)
    else:
        run = fit(technique, digits, preset, **settings)
    run.slug = slug
    return run


def tuned(slug, digits, preset):
    """Return a technique's run at the settings that validation chooses, and a run along its path.

    Every technique has the same budget: BUDGET settings, each trained for the preset's TUNING_STEPS
    from each of its seeds; one without a strength tries as many learning rates. The setting with
    the best mean accuracy on the images held back from training is the first run. The second has a
    replica for each place on the path, of the first seed, all at PATH_LEARNING_RATE, or where there
    is no strength one for each learning rate tried.
    """
    experiment = get(slug)
    tried, path = experiment.tried, experiment.path
    seeds, steps = presets.get(preset).seeds, presets.TUNING_STEPS[preset]
    technique, rates = _fitted(experiment.technique, digits), MORE_LEARNING_RATES
    _check_tried(slug, technique, tried)
    count = BUDGET * len(seeds)
    for name, values in tried.items():
        path = path or values
        rates, values = np.transpose([*itertools.product(LEARNING_RATES, values)])
        values = np.concatenate([np.repeat(values, len(seeds)), path])
        technique = replace(technique, **{name: values})
    beside = len(path)
    run = fit(
        technique,
        digits,
        preset,
        steps=steps,
        seeds=[*seeds] * BUDGET + [seeds[0]] * beside,
        learning_rate=[*np.repeat(rates, len(seeds)), *[PATH_LEARNING_RATE] * beside],
        loss=experiment.loss,
        every=examined_every(technique, steps),
    )
    accuracy = on_validation(run, digits)[:count].reshape(BUDGET, len(seeds)).mean(axis=1)
    first = int(accuracy.argmax()) * len(seeds)
    best = run.of_replicas(range(first, first + len(seeds)))
    best.technique = {
        name: value[0] if isinstance(value, list) else value
        for name, value in best.technique.items()
    }
    best.learning_rate, best.slug, best.preset = best.learning_rate[0], slug + TUNED, preset
    along = range(count, count + beside) or range(0, count, len(seeds))
    return best, run.of_replicas(along)


def examined_every(technique, steps):
    """Return the steps between two examinations: as few of them as the technique can do with."""
    return max(steps // 10, 1) if technique.overrides("review") else steps


def knob(slug):
    """Return the name of the hyperparameter that a technique's path turns, or "learning rate"."""
    return next(iter(get(slug).tried), "learning rate")


def _check_tried(slug, technique, tried):
    """Raise ValueError for values that do not make up the budget, or of no hyperparameter."""
    count = BUDGET // len(LEARNING_RATES)
    valid = len(tried) < 2 and set(tried) <= set(technique.settings())
    if not valid or any(len(set(values)) != count for values in tried.values()):
        raise ValueError(
            f"The experiment {slug!r} has tried={tried!r}. Expected {count} different values of "
            f"one hyperparameter of {technique}, or nothing. Mend its line in registry.py."
        )


def choice(run):
    """Return what was chosen with equal care, by its name: the learning rate, and any strength."""
    tried = get(run.slug.removesuffix(TUNED)).tried
    return {"learning rate": run.learning_rate} | {name: run.technique[name] for name in tried}


def _fitted(technique, digits):
    """Tell a technique that asks for it how many training images there are."""
    if "train_size" in technique.settings():
        return replace(technique, train_size=len(digits.train_images))
    return technique


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
    get(slug.removesuffix(TUNED))
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
    return np.array([evaluation.right(weights, *held_back).mean() for weights in run.weights])


def validated(path, digits):
    """Choose along a path of strengths by the images held back from training.

    Returns the strength with the best mean accuracy on them, and that accuracy of each replica.
    """
    accuracy = on_validation(path, digits)
    strengths = np.array(path.technique["strength"])
    best = max(np.unique(strengths), key=lambda strength: accuracy[strengths == strength].mean())
    return best, accuracy
