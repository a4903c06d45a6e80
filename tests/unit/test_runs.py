"""A run survives its life on disk, or is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from regularization.core import fit as training
from regularization.core.techniques import GaussianWeights
from regularization.results import run as runs


@pytest.fixture(scope="module")
def run(digits):
    return training.fit(GaussianWeights(), digits, steps=20, seeds=[2, 3], learning_rate=1e-3)


def test_a_saved_run_comes_back(run, tmp_path):
    run.save("gaussian_weights", tmp_path)
    back = runs.load("gaussian_weights", tmp_path)
    assert np.array_equal(back.weights, run.weights) and back.curve == run.curve
    assert sorted(back.parameters) == ["log_sigma", "mu"]
    assert back.technique == {"name": "GaussianWeights", "noise_scale": 0.5}
    written = json.loads((tmp_path / "gaussian_weights.json").read_text())
    assert written["title"] == "Gaussian weights" and written["preset"] == "custom"
    assert written["weight_min"] == [float(w.min()) for w in run.weights]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "gaussian_weights.json",
        "gaussian_weights.npz",
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"steps"', '"stepz"'),
        lambda text: text.replace('"quick"', "3").replace('"custom"', "3"),
    ],
    ids=["half", "not an object", "unknown key", "wrong type"],
)
def test_a_damaged_result_is_refused(run, tmp_path, spoil):
    run.save("x", tmp_path)
    path = tmp_path / "x.json"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError, match="x.json is not a saved run.*run the chapter again"):
        runs.load("x", tmp_path)


def test_damaged_weights_are_refused(run, tmp_path):
    run.save("x", tmp_path)
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match="is not a saved run"):
        runs.load("x", tmp_path)


def test_a_run_trained_again_leaves_its_files_as_they_are(run, tmp_path):
    def contents():
        return [(tmp_path / f"gaussian_weights.{kind}").read_bytes() for kind in ("json", "npz")]

    run.save("gaussian_weights", tmp_path)
    first = contents()
    replace(run, seconds_per_step=9.0, commit="x").save("gaussian_weights", tmp_path)
    assert contents() == first
    replace(run, weights=run.weights + 1e-7).save("gaussian_weights", tmp_path)
    assert contents()[1] != first[1]
    replace(run, test_accuracy=[0.0, 0.0]).save("gaussian_weights", tmp_path)
    assert runs.load("gaussian_weights", tmp_path).test_accuracy == [0.0, 0.0]


def test_a_reader_s_run_leaves_the_builds_results_alone(run, tmp_path, monkeypatch):
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    (tmp_path / "_toc.yml").touch()
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path / "book")
    run.save("dropout", tmp_path / "_build" / "results")
    before = (tmp_path / "_build" / "results" / "dropout.json").stat()
    run.save("dropout")
    assert (tmp_path / "_build" / "lab" / "dropout.json").is_file()
    assert (tmp_path / "_build" / "results" / "dropout.json").stat() == before


def test_the_run_of_some_replicas_is_cut_to_them(run):
    one = run.of_replicas([1])
    assert one.seeds == run.seeds[1:2] and one.test_accuracy == run.test_accuracy[1:2]
    assert one.curve["step"] == run.curve["step"]
    assert one.curve["test_accuracy"] == [row[1:2] for row in run.curve["test_accuracy"]]
    np.testing.assert_array_equal(one.weights, run.weights[1:2])
    for name, array in run.parameters.items():
        np.testing.assert_array_equal(one.parameters[name], array[1:2])


def test_the_date_is_that_of_the_sources(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86399")
    assert runs.date() == "1970-01-01"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    monkeypatch.setattr(runs, "_git", lambda *words: "86400")
    assert runs.date() == "1970-01-02"
    monkeypatch.setattr(runs, "_git", lambda *words: "unknown")  # not a repository
    assert runs.date() == "unknown"
