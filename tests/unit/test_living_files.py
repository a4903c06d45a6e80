"""What pages load: films, digits and weights, as small files."""

import numpy as np
import pytest
from conftest import read_living

from regularization import web as living
from regularization.analysis import evaluation, measures, statistics
from regularization.core import fit as training
from regularization.core.techniques import L2, EarlyStopping, WeightAveraging
from regularization.study import registry as experiments


def test_a_file_is_safetensors_in_gzip_and_the_same_each_time(tmp_path):
    arrays = {"a": np.arange(6, dtype="int8").reshape(2, 3), "b": np.float32([[1.5]])}
    living.save("x.bin", arrays, {"said": ["é", 1]}, tmp_path)
    content = (tmp_path / "x.bin").read_bytes()
    found, about = read_living(tmp_path / "x.bin")
    assert about == {"said": ["é", 1]}
    assert all(
        np.array_equal(found[k], arrays[k]) and found[k].dtype == arrays[k].dtype for k in arrays
    )
    living.save("x.bin", arrays, {"said": ["é", 1]}, tmp_path)
    assert (tmp_path / "x.bin").read_bytes() == content


def test_a_frame_is_off_by_half_a_shade_at_most():
    rng = np.random.default_rng(0)
    weights = (
        rng.standard_normal((3, 2, 10, 5, 5)) * np.array([0.01, 1, 100])[:, None, None, None, None]
    )
    weights[0, 0] = 0
    frames, about = living.reel({"step": [1, 2, 3], "rate": [0, 1]}, weights, np.zeros((3, 2)))
    limits = np.reshape(about["limits"], (3, 2))[..., None, None, None]
    assert frames.dtype == np.int8 and np.abs(frames).max() == living.SHADES
    assert np.all(
        np.abs(frames * limits / living.SHADES - weights) <= limits / living.SHADES / 2 + 1e-9
    )
    assert about["axes"] == [{"name": "step", "at": [1, 2, 3]}, {"name": "rate", "at": [0, 1]}]
    assert about["smoothness"][5] == pytest.approx(measures.smoothness(weights[2, 1]))


@pytest.mark.parametrize("technique", [L2(1e-3), WeightAveraging(steps=20), EarlyStopping()])
def test_who_watches_a_training_sees_the_weights_of_each_examination(digits, technique):
    seen = {}
    run = training.fit(technique, digits, steps=90, seeds=2, every=30, watch=seen.__setitem__)
    assert list(seen) == [0, *run.curve["step"]]
    np.testing.assert_array_equal(seen[90], run.weights)
    for step, accuracy in zip(run.curve["step"], run.curve["test_accuracy"], strict=True):
        mine = [
            evaluation.right(w, digits.test_images, digits.test_labels).mean() for w in seen[step]
        ]
        np.testing.assert_allclose(mine, accuracy, atol=0.004)
    start = training.initial_kernels(1, [(10, 64)])[0]
    np.testing.assert_allclose(seen[0][1].reshape(10, 64), start, rtol=1e-6)


def test_a_film_has_the_start_the_end_and_as_many_frames_early_as_late(digits, tmp_path):
    film, places = living.Film(digits), L2(np.array([0.0, 1.0]))
    path = training.fit(places, digits, steps=20, seeds=[0, 0], learning_rate=[1e-3, 1e-3])
    run = training.fit(L2(0.0), digits, steps=800, seeds=2, every=10, watch=film.watch)
    film.save("l2", path, tmp_path)
    frames, about = read_living(tmp_path / "l2.film")
    time, strength = about["reels"]
    (steps,) = [axis["at"] for axis in time["axes"]]
    assert steps[0] == 0 and steps[1] == 10 and steps[-1] == 800
    assert len(steps) <= living.FRAMES and steps == sorted(set(steps))
    assert sum(step <= 90 for step in steps[1:]) == pytest.approx(len(steps) / 2, abs=2)
    assert strength["axes"] == [{"name": "strength", "at": [0, 1]}]
    assert strength["note"] == "Along the strength: 20 steps each, at a learning rate of 0.001."
    last = frames["0"][-1] * time["limits"][-1] / living.SHADES
    np.testing.assert_allclose(last, run.weights[0], atol=time["limits"][-1] / living.SHADES)
    assert time["accuracy"][-1] == pytest.approx(run.test_accuracy[0], abs=0.004)


def test_the_digits_that_a_page_loads_begin_with_the_most_disputed(digits):
    runs = [training.fit(L2(s), digits, steps=60, seeds=1) for s in (0.0, 0.1, 1.0)]
    chosen = living.test_digits(digits, runs)
    answers = living.probabilities(runs, digits.test_images[chosen]).argmax(axis=-1)
    apart = living.disagreement(answers)
    assert np.all(np.diff(apart) <= 0) and apart[0] > apart[-1] == 0
    assert len(set(chosen)) == len(chosen) == min(living.TEST, len(digits.test_images))
    by_hand = [1 - max(list(column).count(a) for a in column) / 3 for column in answers.T]
    np.testing.assert_allclose(apart, by_hand)


def test_a_page_trains_on_digits_of_the_training_set_alone(digits):
    small = living.training_digits(digits, np.arange(7))
    assert small.test_images.shape == (7, 8, 8)
    assert len(small.train_images) == min(living.TRAIN, len(digits.train_images))
    whole = {image.tobytes() for image in digits.train_images}
    assert all(image.tobytes() in whole for image in small.train_images)


def test_what_a_page_can_set_are_the_experiments_own(digits, tmp_path):
    run = training.fit(L2(1e-2), digits, steps=20, seeds=2)
    run.slug = "l2"
    tuned = training.fit(L2(1e-6), digits, steps=20, seeds=2, learning_rate=3e-3)
    small = living.training_digits(digits, np.arange(7))
    living.save_training_digits(small, {"l2": run}, {"l2": tuned}, run, tmp_path)
    arrays, about = read_living(tmp_path / "training_digits.bin")
    assert set(arrays) == {
        f"{a}_{b}" for a in ("train", "validation") for b in ("images", "labels")
    }
    (technique,) = about["techniques"]
    assert technique["in_chapter"] == {"rate": 1e-4, "strength": 1e-2}
    assert technique["chosen"] == {"rate": 3e-3, "strength": 1e-6}
    assert technique["knob"] == "strength" and technique["path"] == sorted(
        experiments.get("l2").path
    )
    mean, low, high = statistics.interval(run.test_accuracy)
    assert [about["reference"][k] for k in ("mean", "low", "high")] == pytest.approx(
        [mean, low, high]
    )
