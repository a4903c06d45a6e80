"""What a sweep has left: a table with a row for each model, and the grids of techniques in it."""

import math
import sys
import textwrap

import pandas as pd
import xarray as xr

from regularization.analysis import measures
from regularization.core import backend
from regularization.core.settings import ALONG
from regularization.results import provenance, store
from regularization.results.files import replacing
from regularization.results.run import IMAGE
from regularization.study import registry

#: What is measured of each model.
MEASURES = ("train_accuracy", "validation_accuracy", "test_accuracy")
MEASURES += ("weight_min", "weight_max", "smoothness")
#: What a table says of each model, after its technique and hyperparameters.
COLUMNS = (*ALONG, "seed", "training_steps", "batch_size", "loss", "dataset", "backend")
COLUMNS += ("source_hash", *MEASURES)


def measured(run):
    """Return what a table keeps of each model of a run: a dataset of MEASURES along its axes."""
    smoothness = xr.apply_ufunc(
        measures.smoothness, run.weights, input_core_dims=[IMAGE], vectorize=True
    )
    found = {name: getattr(run, name) for name in MEASURES if name != "smoothness"}
    return xr.Dataset(found | {"smoothness": smoothness})


def rows(slug, run):
    """Return a frame with a row for each model: how it was trained, and what became of it.

    A technique may have a hyperparameter `steps`, so those of the training are `training_steps`.
    """
    settings, found = run.settings, measured(run)
    said = settings.technique.settings() | {name: getattr(settings, name) for name in ALONG}
    said |= {name: getattr(settings, name) for name in ("batch_size", "loss", "dataset")}
    said |= {"technique": slug, "training_steps": settings.steps, "backend": run.made["backend"]}
    said |= {"source_hash": provenance.of_training(settings.technique)}
    table = found.to_dataframe(dim_order=[*settings.axes]).reset_index()
    return table.assign(**{name: value for name, value in said.items() if name not in table})


def write(tables, path):
    """Write frames as one CSV, whole or not at all; a hyperparameter that is not had is empty."""
    table = pd.concat(tables)
    own = [name for name in table if name not in ("technique", *COLUMNS)]
    with replacing(path) as temporary:
        table[["technique", *own, *COLUMNS]].to_csv(temporary, index=False)


def read_table(path):
    """Return a table as a frame; ValueError if it is not one that `write` has written."""
    try:
        table = pd.read_csv(path)
        whole = isinstance(table.index, pd.RangeIndex) and {"technique", *COLUMNS} <= {*table}
        if not whole or table[["technique", *COLUMNS]].isna().any(axis=None):
            raise ValueError("a row has more cells than its head, or fewer")
    except ValueError as error:
        raise ValueError(
            f"{path} is not a sweep's table: {textwrap.shorten(str(error), 300)}. Expected what "
            "`make sweep` writes. Delete it and run the sweep again."
        ) from error
    return table


def load(name, slug, digits):
    """Return a technique's grid in the table of the sweep called `name`; None where none fits.

    It fits if it was made of these digits, on this backend and by the sources as they are. The grid
    is a dataset of MEASURES along the technique's knob, `train_size`, `label_noise` and `seed`, and
    what else has several values. Raises ValueError for a table that is damaged, or has no grid.
    """
    path = store.folder().parent / "sweeps" / f"{name}.csv"
    table = read_table(path) if path.is_file() else pd.DataFrame({"technique": []})
    table = table[table["technique"] == slug]
    if table.empty:
        return None
    technique, knob = registry.get(slug).technique, registry.knob(slug)
    asked = {"dataset": digits.name, "backend": backend.name}
    asked |= {"source_hash": provenance.of_training(technique)}
    if any((table[name] != value).any() for name, value in asked.items()):
        said = "is of other digits, another backend or older sources: left out"
        print(f"{slug} in {path.name} {said}.", file=sys.stderr)
        return None
    axes = [
        name
        for name in (*technique.settings(), *ALONG, "seed")
        if name in (knob, "train_size", "label_noise", "seed") or table[name].nunique() > 1
    ]
    if math.prod(table[name].nunique() for name in axes) != len(table):
        raise ValueError(
            f"{path} has no grid of {slug}, but {len(table):,} rows. Expected one for each of its "
            f"{', '.join(axes)}. Mend the sweep's file and run it again."
        )
    steps = table["training_steps"].iloc[0]
    print(f"From a sweep of {len(table):,} models, of {steps:,} steps each.")
    return table.set_index(axes)[[*MEASURES]].to_xarray()
