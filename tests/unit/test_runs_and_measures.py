"""A run survives its life on disk or is refused; measures against closed forms."""

import json

import numpy as np
import pytest

from regularization import experiments, figures, measures, runs, training
from regularization.techniques import GaussianWeights


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


def test_what_is_missing_or_does_not_fit_is_trained_and_said(
    digits, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    calls = []
    monkeypatch.setattr(
        experiments, "fit", lambda *a, **k: calls.append((a, k)) or training.fit(*a, steps=10, **k)
    )
    experiments.load_or_train("gaussian_weights", digits, "quick")
    assert "there is no saved run" in capsys.readouterr().out
    run.save("gaussian_weights")
    experiments.load_or_train("gaussian_weights", digits, "quick")
    assert "saved run is of digits at custom" in capsys.readouterr().out
    run.preset = "quick"
    run.save("gaussian_weights")
    experiments.load_or_train("gaussian_weights", digits, "quick")
    assert capsys.readouterr().out == "" and len(calls) == 2
    assert calls[0][1] == {"learning_rate": 1e-3}


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


def test_the_interval_is_students():
    # A textbook case: n = 4, mean 5, s = 2; t(0.975, 3) = 3.182446.
    values = [3.0, 5.0, 5.0, 7.0]
    s = np.std(values, ddof=1)
    mean, low, high = measures.interval(values)
    half = 3.182446 * s / 2
    assert (mean, low, high) == pytest.approx((5, 5 - half, 5 + half), rel=1e-6)
    assert measures.interval([0.5]) == (0.5, 0.5, 0.5)


def test_smoothness_knows_noise_a_plane_and_a_chessboard():
    rng = np.random.default_rng(0)
    plane = np.add.outer(np.arange(30.0), np.arange(30.0))
    chess = np.indices((30, 30)).sum(axis=0) % 2
    assert measures.smoothness(rng.normal(size=(10, 30, 30))) == pytest.approx(0, abs=0.03)
    assert measures.smoothness(plane) > 0.98
    assert measures.smoothness(chess) == pytest.approx(-1)


def test_likeness_ignores_scale_and_template_likeness_finds_templates(digits):
    means = measures.class_means(digits)
    assert measures.likeness(means, 3 * means) == pytest.approx(1)
    assert measures.likeness([1.0, 0], [0, 2.0]) == 0
    assert measures.template_likeness(5 * (means - means.mean(axis=0)), means) == pytest.approx(1)


def test_the_sampling_error_is_the_binomials():
    rng = np.random.default_rng(0)
    drawn = rng.binomial(500, 0.9, 20_000) / 500
    assert measures.sampling_error(0.9, 500) == pytest.approx(drawn.std(), rel=0.02)


def test_a_weight_image_figure_says_what_is_seen_and_takes_the_pages_colours(run, digits):
    weights = np.zeros((10, 8, 8))
    weights[:, 0, 0] = -2.0
    figure = figures.weight_images(weights, "A corner", digits)
    page = figure._repr_html_()
    assert "grainy" in figure.alt and "from -2 to 0" in figure.alt
    assert f'aria-label="{figure.alt}"' in page and "currentColor" in page
    assert "#010203" not in page and "<figcaption>A corner" in page
    assert page.count("<image") >= 10


def test_pictures_are_all_there():
    pictures = np.random.default_rng(0).uniform(size=(7, 8, 8))
    for signed in (False, True):
        figure = figures.images(pictures, range(7), "Caption", "Seven", columns=3, signed=signed)
        assert figure.content.count("<image") == 7 and ">6</text>" in figure.content


def test_tables_escape_and_have_headers():
    page = figures.table(["", "a<b"], [["row", 1]], "Caption")._repr_html_()
    assert '<th scope="col">a&lt;b</th>' in page and '<th scope="row">row</th>' in page


def test_the_posts_figures_are_quoted_whole():
    """The twenty cells of the post's table, against a second copy typed for this test."""
    table = {
        "no_regularization": (0.932, 1.00, -1.95, 1.64),
        "dropout": (0.895, 1.49, -1.42, 1.18),
        "gaussian_weights": (0.915, 1.85, 0.0, 0.80),
        "l2": (0.760, 1.25, -0.062, 0.094),
        "weight_normalization": (0.711, 1.58, -0.05, 0.08),
    }
    keys = ("test_accuracy", "relative_runtime", "weight_min", "weight_max")
    assert {slug: tuple(experiments.POST[slug][k] for k in keys) for slug in table} == table
    assert list(experiments.EXPERIMENTS) == list(table)
