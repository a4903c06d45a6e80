"""What readers take along of a run is the run, in JSON and NumPy's arrays."""

import json

import numpy as np
import pytest

from regularization.core.settings import Settings
from regularization.core.techniques import EarlyStopping, GaussianWeights
from regularization.results import export, store

MADE_OF = {
    "alone": Settings(GaussianWeights(), steps=20, seeds=[2, 3], learning_rate=1e-3),
    "a grid": Settings(
        EarlyStopping([1, 2, 3]), steps=20, seeds=2, learning_rate=[1e-3, 1e-2], every=10
    ),
    "deeper": Settings(steps=20, hidden=(6,), train_size=[100, 200], label_noise=0.25),
}


@pytest.mark.parametrize("settings", MADE_OF.values(), ids=[*MADE_OF])
def test_what_is_saved_is_the_run_model_by_model(settings, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    run, folder = store.train(settings, digits), tmp_path / "results"
    export.save(run, "some_slug", "A title", "quick", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["some_slug.json", "some_slug.npz"]
    about = json.loads(
        (folder / "some_slug.json").read_text(encoding="utf-8"), parse_constant=pytest.fail
    )
    said = {k: about[k] for k in ("slug", "title", "preset", "dataset", "steps", "batch_size")}
    assert said == {
        "slug": "some_slug",
        "title": "A title",
        "preset": "quick",
        "dataset": "digits",
        "steps": 20,
        "batch_size": 32,
    }
    assert (about["loss"], about["hidden"]) == (settings.loss, [*settings.hidden])
    for name in ("device", "backend", "versions", "commit"):
        assert about[name] == run.made[name]
    with np.load(folder / "some_slug.npz") as arrays:
        assert arrays.keys() == {"weights", *(f"parameter_{name}" for name in run.parameters)}
        weights = arrays["weights"]
        parameters = {name: arrays[f"parameter_{name}"] for name in run.parameters}
    places = [*np.ndindex(settings.shape)]
    assert len(weights) == len(about["seeds"]) == len(places)
    own = {**about["technique"]}
    assert own.pop("name") == type(settings.technique).__name__
    for model, place in enumerate(places):
        at = {k: v[i] for (k, v), i in zip(settings.axes.items(), place, strict=True)}
        one = run.sel(**at)
        alone = one.settings
        assert about["seeds"][model] == alone.seeds[0]
        for name in ("train_size", "label_noise"):
            assert about[name][model] == getattr(alone, name)
        rate = about["learning_rate"]
        assert (rate[model] if isinstance(rate, list) else rate) == alone.learning_rate
        for name, value in own.items():
            value = value[model] if isinstance(value, list) else value
            assert value == getattr(alone.technique, name)
        np.testing.assert_array_equal(weights[model], one.weights[0])
        for name, values in parameters.items():
            np.testing.assert_array_equal(values[model], one.parameters[name][0])
        for name in ("train_accuracy", "test_accuracy", "test_accuracy_as_published"):
            assert about[name][model] == one.arrays[name][0]
        assert about["weight_min"][model] == float(weights[model].min())
        assert about["weight_max"][model] == float(weights[model].max())
        assert about["curve"].keys() == one.curve.keys()
        assert about["curve"]["step"] == one.arrays["curve.step"].tolist()
        for name in about["curve"].keys() - {"step"}:
            mine = [row[model] for row in about["curve"][name]]
            assert mine == one.arrays[f"curve.{name}"][:, 0].tolist()


def test_a_run_saved_again_leaves_the_same_files(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    run = store.train(MADE_OF["alone"], digits)
    for name in "ab":
        export.save(run, "x", "X", "quick", tmp_path / name)
    for kind in ("json", "npz"):
        assert (tmp_path / "a" / f"x.{kind}").read_bytes() == (
            tmp_path / "b" / f"x.{kind}"
        ).read_bytes()
