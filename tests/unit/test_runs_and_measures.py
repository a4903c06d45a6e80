"""A run survives its life on disk or is refused; measures against closed forms."""

import json
from dataclasses import replace

import numpy as np
import pytest

from regularization import experiments, figures, measures, presets, runs, training
from regularization.techniques import DrawnWeights, GaussianWeights


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
    settings = {"learning_rate": 1e-3, "seeds": (0, 1), "loss": "squared_error"}
    assert calls[0][1] == settings


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
    assert "#010203" not in page and ">A corner: the weights" in page
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


def test_total_variation_is_nothing_for_a_plane_and_known_for_a_chessboard():
    chessboard = np.indices((8, 8)).sum(axis=0) % 2
    assert measures.total_variation(np.ones((3, 8, 8))) == 0
    # Every neighbour differs by 1, in two directions, and half of the pixels are 1.
    assert measures.total_variation(chessboard) == pytest.approx(4)
    assert measures.total_variation(7 * chessboard) == pytest.approx(4)


def test_fine_power_is_where_the_wave_is():
    x = np.arange(28)
    slow, fast = (np.tile(np.cos(2 * np.pi * f * x), (28, 1)) for f in (2 / 28, 10 / 28))
    assert measures.high_frequencies(slow + 5) == pytest.approx(0, abs=1e-12)
    assert measures.high_frequencies(fast) == pytest.approx(1)
    assert measures.high_frequencies(slow + 2 * fast) == pytest.approx(4 / 5)
    assert measures.high_frequencies(np.ones((4, 4))) == 0
    # White noise: the share of the plane outside a circle of radius a quarter.
    noise = np.random.default_rng(0).normal(size=(50, 28, 28))
    assert measures.high_frequencies(noise) == pytest.approx(1 - np.pi / 16, abs=0.02)


def test_shares_of_weights_and_pixels_are_counted():
    assert measures.near_zero(np.array([0.0, 0.005, -0.02, 1.0])) == 0.5
    weights = np.zeros((2, 3, 3))
    weights[0, 0], weights[1, 1, 1] = 4, -2
    assert measures.pixels_in_use(weights) == pytest.approx((3 + 1) / 2)


def test_a_template_is_most_like_itself():
    templates = np.random.default_rng(0).random((5, 4, 4))
    assert measures.own_template(3 * templates + 1, templates) == 1
    assert measures.own_template(np.roll(templates, 1, axis=0), templates) == 0


def test_distance_is_up_to_scale_and_to_what_classes_share():
    a, b = np.random.default_rng(0).normal(size=(2, 10, 28, 28))
    assert measures.distance(a, 3 * a + b[0]) == pytest.approx(0, abs=1e-6)
    assert measures.distance(a, -a) == pytest.approx(0, abs=1e-6)
    assert 0.95 < measures.distance(a, b) <= 1
    # The closed form against the best multiple by least squares.
    centred = [(x - x.mean(axis=0)).ravel() for x in (a, a + b)]
    u, v = (x / np.linalg.norm(x) for x in centred)
    left = u - np.linalg.lstsq(v[:, None], u, rcond=None)[0] * v
    assert measures.distance(a, a + b) == pytest.approx(np.linalg.norm(left))


def test_answers_are_those_of_the_layer(digits):
    weights = np.random.default_rng(0).normal(size=(10, 8, 8)).astype("float32")
    x = digits.test_images.reshape(-1, 64) / 255
    by_hand = x @ weights.reshape(10, 64).T
    np.testing.assert_allclose(
        measures.logits(weights, digits.test_images), by_hand, rtol=1e-4, atol=1e-5
    )
    right = measures.right(weights, digits.test_images, digits.test_labels)
    assert right.tolist() == (by_hand.argmax(axis=1) == digits.test_labels).tolist()


def test_calibration_is_zero_for_a_model_as_sure_as_it_is_right():
    sure = np.full(1_000, 0.7)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    labels = (np.arange(1_000) >= 700).astype(int)
    assert measures.calibration_error(probabilities, labels) == pytest.approx(0, abs=1e-9)
    assert measures.calibration_error(probabilities, 1 - labels) == pytest.approx(0.4)
    assert measures.calibration_error(np.eye(2)[labels], labels) == 0


def test_disturbed_images_are_what_they_are_called(digits):
    images = digits.test_images[:50]
    kinds = measures.disturbed(images)
    (noisy,), (halved,) = kinds["pixel noise"], kinds["half of the pixels missing"]
    assert noisy.min() >= 0 and noisy.max() <= 255
    grey = measures.disturbed(np.full((20, 28, 28), 127.5))["pixel noise"][0] / 255
    # A normal cut at two deviations on either side keeps 0.959 of its own.
    assert grey.std() == pytest.approx(0.25 * 0.959, rel=0.01)
    kept = halved[images > 0] > 0
    assert kept.mean() == pytest.approx(0.5, abs=0.05) and set(np.unique(halved)) <= set(
        np.unique(images)
    )
    down, up, right, left = kinds["shifted by 1 pixel"]
    np.testing.assert_array_equal(down[:, 1:], images[:, :-1])
    np.testing.assert_array_equal(up[:, :-1], images[:, 1:])
    np.testing.assert_array_equal(right[:, :, 1:], images[:, :, :-1])
    np.testing.assert_array_equal(left[:, :, :-1], images[:, :, 1:])
    assert not down[:, 0].any() and not left[:, :, -1].any()


def test_a_paired_comparison_agrees_with_scipys_bootstrap_and_exact_test():
    from scipy import stats

    rng = np.random.default_rng(0)
    first = rng.random(2_000) < 0.9
    second = np.where(rng.random(2_000) < 0.08, ~first, first)
    ours = measures.paired(first, second)
    resampled = stats.bootstrap(
        (first * 1.0, second * 1.0),
        lambda a, b, axis: (a - b).mean(axis=axis),
        paired=True,
        vectorized=True,
        rng=0,
    ).confidence_interval
    assert (ours.lower, ours.upper) == pytest.approx((resampled.low, resampled.high), abs=1e-3)
    assert ours.difference == pytest.approx(first.mean() - second.mean())
    # By hand: both tails of a fair coin.
    heads, tosses = ours.only_first, ours.only_first + ours.only_second
    tail = stats.binom.cdf(min(heads, tosses - heads), tosses, 0.5)
    assert ours.p_value == pytest.approx(min(1, 2 * tail))
    assert measures.paired(first, first).p_value == 1


def test_a_path_is_trained_from_every_seed_at_every_strength_and_chosen_by_validation(
    digits, monkeypatch
):
    monkeypatch.setitem(presets.PRESETS, "quick", presets.Preset(steps=300, seeds=(3, 4)))
    path = experiments.train("l2_path", digits, "quick")
    strengths = np.array(path.technique["strength"])
    grid = experiments.CORRECTIONS["l2_path"].strengths
    assert path.preset == "quick" and path.seeds == [3, 4] * len(grid)
    assert strengths.tolist() == np.repeat(grid, 2).tolist()
    best, accuracy = experiments.validated(path, digits)
    assert accuracy[strengths == best].mean() == max(accuracy.reshape(-1, 2).mean(axis=1))
    right = measures.right(path.weights[5], digits.validation_images, digits.validation_labels)
    assert accuracy[5] == right.mean()


def test_the_run_of_some_replicas_is_cut_to_them(run):
    one = run.of_replicas([1])
    assert one.seeds == run.seeds[1:2] and one.test_accuracy == run.test_accuracy[1:2]
    assert one.curve["step"] == run.curve["step"]
    assert one.curve["test_accuracy"] == [row[1:2] for row in run.curve["test_accuracy"]]
    np.testing.assert_array_equal(one.weights, run.weights[1:2])
    for name, array in run.parameters.items():
        np.testing.assert_array_equal(one.parameters[name], array[1:2])


def test_averaging_over_draws_without_a_width_is_asking_the_mean(digits):
    run = training.fit(DrawnWeights(0.0), digits, steps=300, seeds=2, learning_rate=1e-2)
    test = digits.test_images, digits.test_labels
    for seed in range(2):
        averaged = measures.averaged_over_draws(run, seed, *test, draws=2)
        assert averaged == measures.right(run.weights[seed], *test).mean()


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


def test_the_date_is_that_of_the_sources(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86399")
    assert runs.date() == "1970-01-01"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    monkeypatch.setattr(runs, "_git", lambda *words: "86400")
    assert runs.date() == "1970-01-02"
    monkeypatch.setattr(runs, "_git", lambda *words: "unknown")  # not a repository
    assert runs.date() == "unknown"
