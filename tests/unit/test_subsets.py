"""Which images a model sees, in which order, and the random streams they are drawn from."""

import numpy as np
import pytest

from regularization.core import model, streams
from regularization.core.subsets import image_order, subset


def test_a_subset_holds_its_smaller_ones_and_differs_between_seeds(digits):
    small, large = (subset(digits, 3, size) for size in (50, 200))
    assert np.array_equal(small.indices, large.indices[:50])
    assert len(set(large.indices)) == 200
    assert np.array_equal(large.labels, digits.train_labels[large.indices])
    assert not np.array_equal(small.indices, subset(digits, 4, 50).indices)
    for whole in (subset(digits, 3), subset(digits, 3, len(digits.train_images))):
        assert np.array_equal(whole.indices, np.arange(len(digits.train_images)))
        assert np.array_equal(whole.labels, digits.train_labels)
    assert small.indices.dtype == np.int32 and small.labels.dtype.kind == "i"


def test_label_noise_gives_a_share_of_the_images_another_label(digits):
    clean, some, more = (subset(digits, 3, None, share) for share in (0, 0.2, 0.4))
    wrong = [part.labels != clean.labels for part in (some, more)]
    for share, where in zip((0.2, 0.4), wrong, strict=True):
        assert where.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 1257))
    assert np.all(wrong[1][wrong[0]])
    assert set(more.labels[wrong[1]]) == set(range(10))
    assert not np.array_equal(some.labels, subset(digits, 4, None, 0.2).labels)
    assert np.all(subset(digits, 3, None, 1.0).labels != clean.labels)


@pytest.mark.parametrize("count, batch_size", [(100, 32), (10, 32), (7, 7)])
def test_an_order_is_the_same_however_it_is_asked_for(count, batch_size):
    """A batch may span two epochs, or several, where there are few images."""
    by_one, at_once = (image_order(5, count, batch_size) for _ in range(2))
    steps = [1, 3, 1, 20, 0, 2]
    taken = np.concatenate([by_one(n) for n in steps])
    np.testing.assert_array_equal(taken, at_once(sum(steps)))
    assert taken.shape == (sum(steps), batch_size) and taken.dtype == np.int32
    epochs = taken.ravel()[: taken.size // count * count].reshape(-1, count)
    np.testing.assert_array_equal(np.sort(epochs), [np.arange(count)] * len(epochs))
    assert not np.array_equal(taken, image_order(6, count, batch_size)(sum(steps)))


def test_streams_are_numpys_by_seed_and_place_and_no_two_are_alike():
    """What is published was drawn from them: their numbers stay as they are."""
    assert (streams.START, streams.ORDER, streams.SUBSET, streams.WRONG_LABELS) == (0, 1, 2, 3)
    seen = set()
    for seed in (0, 1, 2**31 - 1):
        for stream in range(4):
            drawn = streams.generator(seed, stream).random(4).tolist()
            assert drawn == np.random.default_rng([seed, stream]).random(4).tolist()
            seen.add(tuple(drawn))
    assert len(seen) == 12
    counters = [streams.ONCE, *map(streams.of_evaluation, range(20))]
    assert len(set(counters)) == len(counters) and max(counters) < 0  # of no step


def test_each_draw_before_training_is_from_its_own_stream(digits, monkeypatch):
    asked = []
    generator = streams.generator
    monkeypatch.setattr(streams, "generator", lambda *by: asked.append(by) or generator(*by))
    subset(digits, 8, 50, 0.1), image_order(8, 50, 32), model.initial_kernels(8, [(10, 64)])
    assert asked == [
        (8, streams.SUBSET),
        (8, streams.WRONG_LABELS),
        (8, streams.ORDER),
        (8, streams.START),
    ]
