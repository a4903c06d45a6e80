"""What pages load: films, digits and weights, as small files."""

import base64

import numpy as np
import pytest
from conftest import read_living

from regularization import web
from regularization.analysis import measures
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.technique import Technique
from regularization.core.techniques import L2, Dropout
from regularization.report import tables
from regularization.results.run import Run
from regularization.study import registry


def trained(settings, digits):
    return Run(settings.on(digits), fit(settings, digits), {})


def test_a_file_is_safetensors_in_gzip_and_the_same_each_time(tmp_path):
    arrays = {"a": np.arange(6, dtype="int8").reshape(2, 3), "b": np.float32([[1.5]])}
    web.save("x.bin", arrays, {"said": ["é", 1]}, tmp_path)
    content = (tmp_path / "x.bin").read_bytes()
    found, about = read_living(tmp_path / "x.bin")
    assert about == {"said": ["é", 1]}
    assert all(
        np.array_equal(found[k], arrays[k]) and found[k].dtype == arrays[k].dtype for k in arrays
    )
    web.save("x.bin", arrays, {"said": ["é", 1]}, tmp_path)
    assert (tmp_path / "x.bin").read_bytes() == content


def test_a_frame_is_off_by_half_a_shade_at_most():
    rng = np.random.default_rng(0)
    weights = (
        rng.standard_normal((3, 2, 10, 5, 5)) * np.array([0.01, 1, 100])[:, None, None, None, None]
    )
    weights[0, 0] = 0
    frames, about = web.reel({"step": [1, 2, 3], "rate": [0, 1]}, weights, np.zeros((3, 2)))
    ends = np.reshape(about["ends"], (3, 2, 2))
    np.testing.assert_array_equal(ends[..., 0], -ends[..., 1])
    limits = ends[..., 1][..., None, None, None]
    seen = np.clip(weights, -limits, limits)
    assert frames.dtype == np.int8 and np.abs(frames).max() == web.SHADES
    assert np.all(np.abs(frames * limits / web.SHADES - seen) <= limits / web.SHADES / 2 + 1e-9)
    assert 0 < np.mean(weights != seen) <= 2 / 250  # of a frame's 250 weights
    np.testing.assert_allclose(about["largest"], np.abs(weights).max((-3, -2, -1)).ravel())
    assert about["axes"] == [{"name": "step", "at": [1, 2, 3]}, {"name": "rate", "at": [0, 1]}]
    assert about["smoothness"][5] == pytest.approx(measures.smoothness(weights[2, 1]))


def test_a_film_of_positive_weights_has_its_zero_at_the_dark_end():
    weights = np.random.default_rng(0).uniform(0, 2, (2, 10, 5, 5))
    frames, about = web.reel({"step": [1, 2]}, weights, np.zeros(2))
    assert frames.min() >= 0 and [low for low, _ in about["ends"]] == [0, 0]


def test_a_frame_that_is_no_number_is_refused():
    weights = np.ones((2, 10, 5, 5))
    weights[1, 3, 0, 0] = np.nan
    with pytest.raises(ValueError, match="no finite numbers"):
        web.reel({"step": [1, 2]}, weights, np.zeros(2))


def films(run, path, slug, digits, folder):
    """A technique's film as its readers have it."""
    web.save_technique(slug, run, path, digits, folder)
    assert [each.name for each in folder.iterdir()] == [f"{slug}.film"]
    frames, about = read_living(folder / f"{slug}.film")
    return frames, *about["reels"]


def test_a_film_has_the_start_the_end_and_as_many_frames_early_as_late(digits, tmp_path):
    settings = Settings(L2(0.0), steps=800, seeds=2, every=10, frames=registry.FRAMES)
    run = trained(settings, digits)
    path = trained(Settings(L2([0.0, 1.0]), steps=20, learning_rate=1e-3), digits)
    frames, time, strength = films(run, path, "l2", digits, tmp_path)
    (steps,) = [axis["at"] for axis in time["axes"]]
    assert steps[0] == 0 and steps[1] == 10 and steps[-1] == 800
    assert len(steps) <= registry.FRAMES and steps == sorted(set(steps))
    assert sum(step <= 90 for step in steps[1:]) == pytest.approx(len(steps) / 2, abs=2)
    assert time["axes"][0]["name"] == "step" and time["note"] == ""
    assert strength["axes"] == [{"name": "strength", "at": [0, 1]}]
    assert strength["note"] == "Along the strength: 20 steps each, at a learning rate of 0.001."
    assert strength["printed"] == 0  # L2's own strength, 0.01, is nearer to 0 than to 1
    low, high = time["ends"][-1]
    last, seen = frames["0"][-1] * high / web.SHADES, np.clip(run.weights[0], low, high)
    np.testing.assert_allclose(last, seen, atol=high / web.SHADES)
    assert time["accuracy"][-1] == pytest.approx(float(run.test_accuracy[0]), abs=0.004)
    curve = run.curve["test_accuracy"].sel(seed=0, step=steps[1:])
    np.testing.assert_allclose(time["accuracy"][1:], curve, atol=0.004)
    for at in (0, 1):
        low, high = strength["ends"][at]
        again, seen = frames["1"][at] * high / web.SHADES, np.clip(path.weights[at, 0], low, high)
        np.testing.assert_allclose(again, seen, atol=high / web.SHADES)
    assert strength["accuracy"] == path.test_accuracy[:, 0].values.tolist()


def test_a_technique_without_a_strength_has_a_film_along_the_learning_rate(digits, tmp_path):
    run = trained(Settings(steps=20, every=10, frames=3), digits)
    rates = (1e-4, 1e-3, 1e-2)
    path = trained(Settings(steps=20, learning_rate=rates), digits)
    _, _, along = films(run, path, "no_regularization", digits, tmp_path)
    assert along["axes"] == [{"name": "learning rate", "at": [*rates]}]
    assert along["note"] == "Along the learning rate: 20 steps each."
    assert along["printed"] == 0  # its own is 0.0001
    assert along["accuracy"] == path.test_accuracy[:, 0].values.tolist()


def test_the_weights_that_a_page_loads_are_of_each_runs_first_seed(digits, tmp_path):
    runs = {
        slug: trained(Settings(technique, steps=4, seeds=[3, 1]), digits)
        for slug, technique in (("no_regularization", Technique()), ("dropout", Dropout(0.5)))
    }
    web.save_weights(runs, tmp_path)
    arrays, about = read_living(tmp_path / "weights.bin")
    np.testing.assert_array_equal(arrays["weights"], [r.weights[0] for r in runs.values()])
    assert about["techniques"] == [
        {"slug": "no_regularization", "title": "No regularization"},
        {"slug": "dropout", "title": "Dropout"},
    ]


def test_what_a_page_gives_goes_where_the_build_says_or_into_the_lab(tmp_path, monkeypatch):
    monkeypatch.setenv("GIVEN_DIR", str(tmp_path / "given"))
    assert web.given() == tmp_path / "given"
    web.save("x.bin", {"a": np.zeros(1)}, {})
    assert (tmp_path / "given" / "x.bin").is_file()
    monkeypatch.delenv("GIVEN_DIR")
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "_build" / "runs"))
    assert web.given() == tmp_path / "_build" / "lab"


def test_the_digits_that_a_page_loads_begin_with_the_most_disputed(digits):
    runs = [trained(Settings(L2(s), steps=60), digits) for s in (0.0, 0.1, 1.0)]
    indices = web.test_digits(digits, runs)
    predictions = web.probabilities(runs, digits.test_images[indices]).argmax(axis=-1)
    apart = web.disagreement(predictions)
    assert np.all(np.diff(apart) <= 0) and apart[0] > apart[-1] == 0
    assert len(set(indices)) == len(indices) == min(web.TEST, len(digits.test_images))
    by_hand = [1 - max(list(column).count(a) for a in column) / 3 for column in predictions.T]
    np.testing.assert_allclose(apart, by_hand)


def test_a_page_trains_on_digits_of_the_training_set_alone(digits):
    small = web.training_digits(digits, np.arange(7))
    assert small.test_images.shape == (7, 8, 8)
    assert len(small.train_images) == min(web.TRAIN, len(digits.train_images))
    whole = {image.tobytes() for image in digits.train_images}
    assert all(image.tobytes() in whole for image in small.train_images)


def test_what_a_page_can_set_are_the_experiments_own(digits, tmp_path):
    run = trained(Settings(L2(1e-2), steps=20, seeds=2), digits)
    tuned = trained(Settings(L2(1e-6), steps=20, seeds=2, learning_rate=3e-3), digits)
    small = web.training_digits(digits, np.arange(7))
    web.save_training_digits(small, {"l2": run}, {"l2": tuned}, run, tmp_path)
    arrays, about = read_living(tmp_path / "training_digits.bin")
    assert set(arrays) == {
        f"{a}_{b}" for a in ("train", "validation") for b in ("images", "labels")
    }
    (technique,) = about["techniques"]
    assert technique["in_chapter"] == {"rate": 1e-4, "strength": 1e-2}
    assert technique["chosen"] == {"rate": 3e-3, "strength": 1e-6}
    assert technique["settings"] == {"strength": 1e-2} and technique["name"] == "L2"
    assert technique["loss"] == "squared_error" and technique["of_the_post"]
    assert technique["knob"] == "strength" and technique["path"] == sorted(registry.get("l2").path)
    accuracy = tables.percent(run.arrays["test_accuracy"])
    of_ours = {"accuracy": accuracy, "steps": 20, "learning_rate": 1e-4, "batch_size": 32}
    assert {k: about["reference"][k] for k in of_ours} == of_ours
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, getattr(small, name))


def test_a_technique_without_a_strength_has_none_on_a_page(digits, tmp_path):
    run = trained(Settings(steps=4), digits)
    small = web.training_digits(digits, np.arange(7))
    slug = "weight_normalization_with_gain"
    web.save_training_digits(small, {slug: run}, {slug: run}, run, tmp_path)
    (technique,) = read_living(tmp_path / "training_digits.bin")[1]["techniques"]
    assert technique["knob"] is None and not technique["of_the_post"]
    assert technique["in_chapter"] == technique["chosen"] == {"rate": 1e-4, "strength": None}


def test_the_test_digits_of_a_page_are_those_chosen(digits, tmp_path):
    indices = np.array([5, 2, 90])
    web.save_test_digits(digits, indices, tmp_path)
    arrays, about = read_living(tmp_path / "test_digits.bin")
    np.testing.assert_array_equal(arrays["images"], digits.test_images[indices])
    np.testing.assert_array_equal(arrays["labels"], digits.test_labels[indices])
    assert about["form"] == {"box": 8, "centre": "box"}
    assert about["class_names"] == list("0123456789") and about["noun"] == ["digit", "digits"]


@pytest.mark.parametrize("shape", [(0, 2), (3, 0)])
def test_a_film_without_frames_is_refused(shape):
    axes = {"images": range(shape[0]), "ridge": range(shape[1])}
    with pytest.raises(ValueError, match="film of .* frames along images, ridge.*expected"):
        web.reel(axes, np.zeros((*shape, 10, 8, 8)), np.zeros(shape))


def test_what_a_board_opens_with_is_the_digit_and_its_evidence(digits):
    rng = np.random.default_rng(0)
    image, weights = rng.integers(0, 256, (8, 8), "uint8"), rng.normal(size=(8, 8))
    told = web.opening(image, 3, weights, digits)
    pixels = np.frombuffer(base64.b64decode(told["image"]), "uint8").reshape(8, 8)
    terms = np.frombuffer(base64.b64decode(told["evidence"]), "<f4").reshape(8, 8)
    np.testing.assert_array_equal(pixels, image)
    np.testing.assert_allclose(terms, weights * (image / 255), rtol=1e-6)
    assert told["label"] == 3 and told["shape"] == (8, 8)
