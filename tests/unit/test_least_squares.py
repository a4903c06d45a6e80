"""Least squares: against scikit-learn, SciPy and NumPy, and every mask one by one."""

import itertools

import numpy as np
import pytest
from scipy import linalg, optimize
from sklearn.linear_model import LinearRegression, Ridge

from regularization.analysis import least_squares
from regularization.analysis.least_squares import LeastSquares, pixels
from regularization.core.backend import ops
from regularization.core.techniques import Dropout, InputNoise

RNG = np.random.default_rng(0)
X, Y, KERNEL = RNG.uniform(size=(4, 7)), np.eye(3)[[0, 1, 2, 1]], RNG.normal(size=(3, 7))


@pytest.mark.parametrize("count", [10, 40, 60, 64, 80, 1_000])
def test_the_best_fit_of_least_norm_is_scikit_learns_and_scipys(digits, count):
    """Below the threshold and above it, with pixels that no image lights."""
    images, labels = digits.train_images[:count], digits.train_labels[:count]
    problem, x, targets = LeastSquares(images, labels), pixels(images), np.eye(10)[labels]
    ours = problem.weights().reshape(10, -1)
    theirs = LinearRegression(fit_intercept=False).fit(x, targets)
    assert theirs.rank_ == len(problem.eigenvalues) == np.linalg.matrix_rank(x)
    np.testing.assert_allclose(ours, theirs.coef_, atol=1e-8)
    cond = max(x.shape) * np.finfo(float).eps  # as NumPy counts; SciPy's own lets dark pixels in
    np.testing.assert_allclose(ours, linalg.lstsq(x, targets, cond=cond)[0].T, atol=1e-8)
    np.testing.assert_array_equal(problem.ridge(0), problem.weights())
    if count < 60:
        np.testing.assert_allclose(x @ ours.T, targets, atol=1e-8)  # every image fits


def test_the_directions_are_the_principal_ones(digits):
    problem, x = LeastSquares(digits.train_images, digits.train_labels), pixels(digits.train_images)
    moments = x.T @ x / len(x)
    np.testing.assert_allclose(
        problem.directions.T * problem.eigenvalues @ problem.directions, moments, atol=1e-12
    )
    assert np.all(np.diff(problem.eigenvalues) <= 0)


def test_ridge_is_scikit_learns(digits):
    images, labels = digits.train_images, digits.train_labels
    model = Ridge(alpha=0.01 * len(images), fit_intercept=False, tol=1e-10)
    theirs = model.fit(pixels(images), np.eye(10)[labels]).coef_
    ours = LeastSquares(images, labels).ridge(0.01).reshape(10, -1)
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_descent_is_gradient_descent_step_by_step(digits):
    x, y = pixels(digits.train_images), np.eye(10)[digits.train_labels]
    w = np.zeros((10, 64))
    for _ in range(50):
        w -= 0.05 * (w @ x.T - y.T) @ x / len(x)
    ours = LeastSquares(digits.train_images, digits.train_labels).descent(0.05, 50)
    np.testing.assert_allclose(ours.reshape(10, -1), w, atol=1e-10)


def test_stopping_early_shrinks_each_direction_about_as_ridge_does():
    """With strength 1 / (rate steps): from 1 to 1.3 times what ridge leaves, whatever it is."""
    curvature, walked = np.geomspace(1e-4, 1, 200), 50.0  # rate times steps, in small steps
    stopped, ridge = -np.expm1(-walked * curvature), curvature / (curvature + 1 / walked)
    assert np.all((stopped >= ridge) & (stopped < 1.3 * ridge))


@pytest.mark.parametrize("strength", [-1e-3, float("nan"), float("inf")])
def test_a_ridge_below_zero_is_refused(digits, strength):
    problem = LeastSquares(digits.train_images[:20], digits.train_labels[:20])
    with pytest.raises(ValueError, match="ridge.*expected a number of at least 0"):
        problem.ridge(strength)


@pytest.mark.parametrize("size", [0, -5, 10**6])
def test_more_images_than_there_are_are_refused(digits, size):
    with pytest.raises(ValueError, match=f"{size:,} images.*digits has .* Expected a number"):
        least_squares.by_size(digits, [20, size], [0.0], 1)


def test_dropout_goes_a_share_of_ridges_kind_along_directions_of_its_own(digits):
    """Against the minimum of error and dropout's penalty, solved as linear equations."""
    digits = digits.train_images[:, 1:, 1:7], digits.train_labels  # all of these pixels have ink
    x, targets, rate = pixels(digits[0]), np.eye(10)[digits[1]], 0.3
    root = np.sqrt(np.mean(x**2, axis=0))
    moments = x.T @ x / len(x)
    theirs = np.linalg.solve(moments + rate / (1 - rate) * np.diag(root**2), x.T @ targets / len(x))
    eigenvalues, directions = least_squares.under_dropout(digits[0])
    shares = least_squares.ridge_shares(eigenvalues, rate / (1 - rate))
    best = np.linalg.solve(moments, x.T @ targets / len(x))  # without dropout
    along = directions @ (root[:, None] * best)
    ours = directions.T @ (shares[:, None] * along) / root[:, None]
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


@pytest.mark.parametrize("corners", [True, False])
def test_a_limit_touches_where_scipy_finds_the_lowest_error_within_it(corners):
    """By sequential quadratic programming, from several starts."""
    for _ in range(20):
        best, root = RNG.normal(size=2), RNG.normal(size=(2, 2))
        moments = root @ root.T + 0.1 * np.eye(2)

        def size(w, corners=corners):
            return np.abs(w).sum() if corners else np.linalg.norm(w)

        def error(w, best=best, moments=moments):
            return (w - best) @ moments @ (w - best)

        most = 0.5 * size(best)
        within = {"type": "ineq", "fun": lambda w, most=most: most - size(w)}
        starts = RNG.normal(size=(8, 2)) * 0.1
        theirs = [optimize.minimize(error, at, constraints=within, tol=1e-12).fun for at in starts]
        ours = least_squares.touching(best, moments, 0.5, corners)
        assert size(ours) == pytest.approx(0.5 * size(best))
        assert error(ours) == pytest.approx(min(theirs), rel=1e-4)


def test_what_each_draw_gets_wrong_adds_up(digits):
    """The variance of what draws answer, and what is left of their error."""
    found = least_squares.over_draws(digits, [30, 100], [1e-2, 1.0], 4)
    weights = [
        [LeastSquares(*least_squares.drawn(digits, 100, seed)).ridge(k) for k in (1e-2, 1.0)]
        for seed in range(4)
    ]
    answers = pixels(digits.test_images) @ np.reshape(weights, (4, 2, 10, -1)).swapaxes(-1, -2)
    spread = 0.5 * np.mean(np.sum(np.var(answers, axis=0, ddof=1), axis=-1), axis=-1)
    np.testing.assert_allclose(found.variance.sel(images=100), spread, rtol=1e-5)
    np.testing.assert_allclose(found["mean"].sel(images=100), np.mean(weights, axis=0), rtol=1e-5)


def test_of_the_grain_of_two_draws_what_they_share_is_no_accident():
    """Of noise in common and noise of their own, as large and three times as large."""
    rng = np.random.default_rng(0)
    common, own, others = rng.normal(size=(3, 200, 16, 16))
    for size in (1.0, np.sqrt(3.0)):
        found = least_squares._accidental(common + size * own, common + size * others)
        assert found == pytest.approx(size**2 / (1 + size**2), abs=0.01)
    assert least_squares._accidental(common, common) == pytest.approx(0)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_on_inputs_is_in_expectation_an_adaptive_l2_penalty(rate):
    """The expected loss as the sum over all 128 masks, weighted by how likely each is."""
    expected = 0
    technique = Dropout(rate)
    for mask in itertools.product([False, True], repeat=7):
        keep = np.broadcast_to(mask, X.shape)
        dropped = ops.convert_to_numpy(technique.inputs(np.float32(X)[None], keep[None]))[0]
        likely = np.prod(np.where(mask, 1 - rate, rate))
        expected += likely * least_squares.squared_error(KERNEL, dropped.astype("float64"), Y)
    closed_form = least_squares.squared_error(KERNEL, X, Y) + least_squares.dropout_penalty(
        KERNEL, X, rate
    )
    np.testing.assert_allclose(expected, closed_form, rtol=1e-6)


def test_noise_on_inputs_is_in_expectation_tikhonovs_penalty():
    """By Gauss and Hermite's quadrature, exact for polynomials: the loss is one of degree two."""
    scale, (nodes, weights) = 0.3, np.polynomial.hermite_e.hermegauss(2)
    expected = 0
    for at in itertools.product(range(2), repeat=7):
        noise = np.broadcast_to(np.float32(nodes[list(at)]), X.shape)
        noisy = ops.convert_to_numpy(InputNoise(scale).inputs(np.float32(X)[None], noise[None]))[0]
        likely = np.prod(weights[list(at)] / np.sqrt(2 * np.pi))
        expected += likely * least_squares.squared_error(KERNEL, noisy.astype("float64"), Y)
    closed_form = least_squares.squared_error(KERNEL, X, Y) + least_squares.noise_penalty(
        KERNEL, scale
    )
    np.testing.assert_allclose(expected, closed_form, rtol=1e-5)


@pytest.mark.thorough
def test_on_mnist_accuracy_falls_before_it_rises_and_a_ridge_keeps_it_up(mnist):
    """Against what another program found on three draws, to three points."""
    found = least_squares.by_size(mnist, [100, 500, 1_000, 5_000], [0.0, 1e-2], 3)
    accuracy = 100 * found.test_accuracy.mean("seed")
    np.testing.assert_allclose(accuracy.sel(ridge=0), [61, 28, 63, 82], atol=3)
    assert accuracy.sel(ridge=1e-2, images=500) == pytest.approx(77, abs=3)
