"""What readers take along of a run: JSON and arrays that need none of our code."""

import json

import numpy as np

from regularization.results import provenance
from regularization.results.files import replacing, write

MEASURES = ("train_accuracy", "test_accuracy", "test_accuracy_as_published")
MEASURES += ("weight_min", "weight_max")
#: The data sets on which results are released, and the files; those on MNIST are the book's.
RELEASED = {"mnist": "results.json", "fashion": "fashion.json", "mnist1d": "mnist1d.json"}


def as_json(run, slug, title, preset):
    """Return a run as what JSON can hold; a list over the models has the last axis fastest."""
    settings, made = run.settings, run.made
    models, _ = settings.of_models()
    technique = {"name": type(settings.technique).__name__} | settings.technique.settings()
    technique |= {name: models[name].tolist() for name in technique if name in models}
    rate = settings.learning_rate
    curve = {
        name: values.values.reshape(len(values), *[-1] * (name != "step")).tolist()
        for name, values in run.curve.items()
    }
    return {
        "slug": slug,
        "title": title,
        "technique": technique,
        "dataset": settings.dataset,
        "preset": preset,
        "steps": settings.steps,
        "seeds": models["seed"].tolist(),
        "batch_size": settings.batch_size,
        "learning_rate": models["learning_rate"].tolist() if isinstance(rate, tuple) else rate,
        "loss": settings.loss,
        "hidden": [*settings.hidden],
        "optimizer": settings.optimizer,
        "initial_stddev": models["initial_stddev"].tolist(),
        "train_size": models["train_size"].tolist(),
        "label_noise": models["label_noise"].tolist(),
        **{name: getattr(run, name).values.ravel().tolist() for name in MEASURES},
        "curve": curve,
        **{name: made[name] for name in ("device", "backend", "versions", "commit")},
        "source_hash": provenance.of_training(settings.technique)[:12],
    }


def save(run, slug, title, preset, folder):
    """Write `<slug>.json` and `<slug>.npz`, weights and parameters, each whole or not at all."""
    models = int(np.prod(run.settings.shape))
    flat = {"weights": run.weights} | {f"parameter_{k}": v for k, v in run.parameters.items()}
    lead = len(run.settings.shape)
    flat = {name: v.values.reshape(models, *v.shape[lead:]) for name, v in flat.items()}
    with replacing(folder / f"{slug}.npz") as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **flat)
    about = as_json(run, slug, title, preset)
    write(folder / f"{slug}.json", json.dumps(about, indent=1) + "\n")
