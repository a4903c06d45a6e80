"""The noise: its generator against published answers and JAX's, its draws against their laws."""

import jax.extend
import numpy as np
import pytest
from scipy import stats

from regularization.core import backend, noise
from regularization.core.backend import ops
from regularization.core.technique import Draw

# Random123's known answers for threefry2x32 with 20 rounds: counter, key, result.
KNOWN_ANSWERS = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def uint32(*words):
    return tuple(ops.convert_to_tensor(np.uint32(word)) for word in words)


def drawn(draw, seeds, first_step=0, steps=3):
    """What each of `steps` steps draws: `[steps, replicas, *shape]`."""
    draws, seeds = {"inputs": draw}, ops.convert_to_tensor(np.array(seeds, "int32"))
    bulk = noise.draw(draws, seeds, first_step, steps)
    at = noise.reader(draws, bulk)
    return np.stack([ops.convert_to_numpy(at(i, first_step + i)["inputs"]) for i in range(steps)])


@pytest.mark.parametrize("counter, key, answer", KNOWN_ANSWERS)
def test_threefry_gives_the_published_answers(counter, key, answer):
    ours = noise.threefry(uint32(*key), uint32(*counter))
    assert tuple(int(word) for word in ours) == answer


def test_threefry_is_jaxs():
    counters = np.random.default_rng(0).integers(0, 2**32, (2, 100), dtype="uint32")
    ours = noise.threefry(uint32(7, 9), tuple(map(ops.convert_to_tensor, counters)))
    theirs = jax.extend.random.threefry_2x32(np.uint32([7, 9]), counters)
    assert np.array_equal([ops.convert_to_numpy(word) for word in ours], theirs)


@pytest.mark.parametrize("kind", ["bernoulli", "normal", "uniform", "beta"])
def test_every_step_and_replica_draws_its_own(kind):
    """Independent: no two of them agree, or correlate, more than chance has it."""
    flat = drawn(Draw(kind, (100, 201)), seeds=[5, 9]).reshape(6, -1).astype(float)
    correlations = np.corrcoef(flat)[~np.eye(6, dtype=bool)]
    assert abs(correlations).max() < 5 / np.sqrt(100 * 201)


@pytest.mark.parametrize("kind", ["bernoulli", "normal", "uniform", "beta", "rotated"])
def test_a_draw_depends_on_the_seed_and_the_step_alone(kind):
    draw = Draw(kind, (3, 7))
    all_at_once = drawn(draw, [5, 9, 2], first_step=0, steps=4)
    alone = drawn(draw, [9], first_step=2, steps=2)[:, 0]
    np.testing.assert_allclose(alone, all_at_once[2:, 1], rtol=1e-6)


def test_two_hooks_draw_different_numbers():
    draws = {"inputs": Draw("normal", (50,)), "weights": Draw("normal", (50,))}
    bulk = noise.draw(draws, ops.convert_to_tensor(np.array([1], "int32")), 0, 1)
    both = noise.reader(draws, bulk)(0, 0)
    assert not np.isclose(*map(ops.convert_to_numpy, both.values())).any()


def test_bernoulli_is_true_as_often_as_asked_in_each_replica():
    probabilities, n = np.array([0.0, 0.001, 0.3, 0.5, 1.0]), 200_000
    flags = drawn(Draw("bernoulli", (n,), probabilities), seeds=range(5), steps=1)[0]
    for share, p in zip(flags.mean(axis=1), probabilities, strict=True):
        assert share == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / n) + 1e-12)


def test_normal_is_standard_normal():
    n = drawn(Draw("normal", (50_001,)), seeds=[3], steps=2).ravel()
    assert stats.kstest(n, "norm").pvalue > 1e-3 and stats.kurtosis(n) == pytest.approx(0, abs=0.1)


def test_uniform_is_uniform_and_within_its_ends():
    u = drawn(Draw("uniform", (50_001,)), seeds=[3], steps=2).ravel()
    assert stats.kstest(u, "uniform").pvalue > 1e-3 and 0 < u.min() and u.max() < 1


def test_beta_has_scipys_distribution_in_each_replica():
    """From almost always 0 or 1 to a hump in the middle."""
    concentrations = np.array([0.05, 0.2, 0.5, 1.0, 2.0, 8.0, 500.0])
    parts = drawn(Draw("beta", (50_000,), concentrations), seeds=range(7), steps=1)[0]
    assert parts.min() >= 0 and parts.max() <= 1
    for a, sample in zip(concentrations, parts, strict=True):
        distribution = stats.beta(a, a)
        # The lower half alone: near 1, a float32 holds fewer places than there are near 0.
        lower = sample[sample < 0.5]
        assert len(lower) / len(sample) == pytest.approx(0.5, abs=0.012)
        assert stats.kstest(lower, lambda x: 2 * distribution.cdf(x)).statistic < 0.015  # noqa: B023
        assert sample.std() == pytest.approx(distribution.std(), rel=0.02)


def test_normal_is_finite_at_either_end_of_the_generator(monkeypatch):
    ends = ops.convert_to_tensor(np.array([[[0, 2**32 - 1]]], "uint32"))
    monkeypatch.setattr(noise, "_blocks", lambda *_: (ends, ends))
    n = drawn(Draw("normal", (4,)), seeds=[0], steps=1).ravel()
    # The outermost of 2^23 equal shares of the probability, at its middle.
    assert n == pytest.approx(stats.norm.ppf([2**-24, 1 - 2**-24] * 2), rel=1e-3)


def test_rotated_moves_one_draw_by_one_element_a_step():
    first, second, third = drawn(Draw("rotated", (4, 6)), seeds=[1, 2]).reshape(3, 2, -1)
    assert np.array_equal(second, np.roll(first, 1, axis=1))
    assert np.array_equal(third, np.roll(first, 2, axis=1)) and not np.allclose(first[0], first[1])


def test_the_memory_of_a_step_is_counted_as_it_is_spread_out():
    draws = {"inputs": Draw("bernoulli", (32, 784)), "weights": Draw("normal", (10, 784))}
    assert noise.bytes_per_step(draws) == 32 * 784 + 4 * 10 * 784
    assert noise.bytes_per_step({"weights": Draw("rotated", (10, 784))}) == 0


def test_compiled_draws_are_the_same_numbers():
    draws = {"inputs": Draw("bernoulli", (40,), 0.3)}
    seeds = ops.convert_to_tensor(np.array([1, 2], "int32"))
    first = ops.convert_to_tensor(np.int32(6))
    compiled = backend.compile(lambda seeds, first: noise.draw(draws, seeds, first, 5))
    eager = noise.draw(draws, seeds, first, 5)["inputs"]
    assert np.array_equal(compiled(seeds, first)["inputs"], ops.convert_to_numpy(eager))
