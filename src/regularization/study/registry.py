"""The runs of the book: the post's five, their relatives, what they should have been.

And what the post reported, quoted.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

from regularization.core import techniques
from regularization.core.settings import Settings
from regularization.core.technique import Technique
from regularization.study import presets


class Experiment(NamedTuple):
    """A technique at its hyperparameters, and its learning rate.

    `tried` holds, by the name of a hyperparameter, the values among which equal care chooses, from
    the gentlest to the hardest; `path` those at which its pictures are shown, to far too much.
    """

    technique: Technique
    learning_rate: float = 1e-4
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
    "adversarial_training": Experiment(
        techniques.AdversarialTraining(epsilon=0.1),
        tried={"epsilon": (0.003, 0.01, 0.03, 0.1)},
        path=(0.0, 0.01, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3),
    ),
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
        techniques.EarlyStopping(), tried={"patience": (5, 3, 2, 1)}, path=(10, 8, 6, 5, 4, 3, 2, 1)
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
    "l2_path": Experiment(techniques.L2([0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2])),
}
TECHNIQUES = EXPERIMENTS | RELATIVES
_ALL = TECHNIQUES | CORRECTIONS

TUNED = "_tuned"  # follows the name of a technique whose settings were chosen with equal care
_FILE = Path(__file__).with_name("post.toml")
#: The post's figures by slug: accuracy, weights, runtimes. Quoted, with their source.
POST = tomllib.loads(_FILE.read_text(encoding="utf-8"))
FRAMES = 20  # pictures of a technique on its way, which its film shows


def get(slug):
    """Return the experiment of this name; ValueError if there is none."""
    if slug not in _ALL:
        raise ValueError(
            f"There is no technique {slug!r}. Expected one of {', '.join(_ALL)}. "
            "Use the name of a chapter in book/techniques, without its ending."
        )
    return _ALL[slug]


def title(slug):
    """Return the slug as a heading: "L2", "Weight normalization", "DropConnect, tuned"."""
    words = slug.removesuffix(TUNED)
    name = type(get(words).technique).__name__
    heading = name if name.lower() == words else words.replace("_", " ").capitalize()
    heading = heading.replace("Max norm", "Max-norm")
    return heading if words == slug else f"{heading}, tuned"


def settings(slug, preset):
    """Return the settings of an experiment: from the preset's seeds, for as long as it says."""
    experiment, size = get(slug), presets.of("book", preset)
    return Settings(
        experiment.technique,
        steps=size.steps,
        seeds=size.seeds,
        learning_rate=experiment.learning_rate,
        loss=experiment.loss,
        frames=FRAMES if slug in TECHNIQUES else 0,
    )


def knob(slug):
    """Return the name of the hyperparameter that a technique's path turns, or "learning_rate"."""
    return next(iter(get(slug).tried), "learning_rate")
