"""What is known exactly: against scikit-learn, finite differences, and every mask one by one."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression, Ridge

from regularization.analysis import exact
from regularization.core.backend import ops
from regularization.core.techniques import Dropout, InputNoise, VariationalWeights

RNG = np.random.default_rng(0)
X, Y, KERNEL = RNG.uniform(size=(4, 7)), np.eye(3)[[0, 1, 2, 1]], RNG.normal(size=(3, 7))


def scikit_learns_weights(images, labels, strength):
    """Its loss is the sum over images and half the squares, weighted by C."""
    model = LogisticRegression(
        C=1 / (len(images) * strength), fit_intercept=False, tol=1e-12, max_iter=20_000
    )
    return model.fit(exact.pixels(images), labels).coef_.reshape(-1, *images.shape[1:])


@pytest.mark.parametrize("strength", [1e-1, 1e-2, 1e-3])
def test_the_optimum_is_scikit_learns(digits, strength):
    problem = exact.SoftmaxRegression(digits.train_images, digits.train_labels)
    found = problem.solve(strength)
    assert found.gradient_norm <= 1e-8
    theirs = scikit_learns_weights(digits.train_images, digits.train_labels, strength)
    np.testing.assert_allclose(found.weights, theirs, atol=1e-4)


def test_the_optimum_on_mnist_is_scikit_learns(mnist):
    images, labels = mnist.train_images[:2_000], mnist.train_labels[:2_000]
    found = exact.SoftmaxRegression(images, labels).solve(1e-2)
    assert found.gradient_norm <= 1e-8
    np.testing.assert_allclose(
        found.weights, scikit_learns_weights(images, labels, 1e-2), atol=1e-4
    )


def test_a_start_nearby_leads_to_the_same_optimum_sooner(digits):
    problem = exact.SoftmaxRegression(digits.train_images, digits.train_labels)
    cold = problem.solve(1e-2)
    warm = problem.solve(1e-2, start=problem.solve(1.1e-2))
    np.testing.assert_allclose(warm.weights, cold.weights, atol=1e-6)
    assert warm.evaluations < cold.evaluations


def test_its_gradient_agrees_with_finite_differences(digits):
    problem = exact.SoftmaxRegression(digits.train_images[:50], digits.train_labels[:50])
    at = RNG.normal(size=10 * problem.ink.sum())
    error = check_grad(
        lambda w: problem._loss_and_gradient(w, 0.1)[0],
        lambda w: problem._loss_and_gradient(w, 0.1)[1],
        at,
    )
    assert error < 1e-5


def test_the_loss_counts_pixels_that_never_have_ink(digits):
    images = digits.train_images.copy()
    images[:, 0, 0] = 0
    problem = exact.SoftmaxRegression(images, digits.train_labels)
    weights = np.zeros((10, 8, 8))
    weights[:, 0, 0] = 2.0
    loss, norm = problem.loss(weights, 0.1)
    assert loss == pytest.approx(np.log(10) + 0.05 * 40)
    assert norm >= 0.1 * np.sqrt(40)
    assert np.all(problem.solve(0.1).weights[:, 0, 0] == 0)


@pytest.mark.parametrize("strength", [0, -1, float("nan"), float("inf")])
def test_a_strength_without_a_minimum_is_refused(digits, strength):
    problem = exact.SoftmaxRegression(digits.train_images[:20], digits.train_labels[:20])
    with pytest.raises(ValueError, match="expected a number above 0"):
        problem.solve(strength)


def test_ridge_is_scikit_learns(digits):
    images, labels = digits.train_images, digits.train_labels
    model = Ridge(alpha=0.01 * len(images), fit_intercept=False, tol=1e-10)
    theirs = model.fit(exact.pixels(images), np.eye(10)[labels]).coef_
    ours = exact.LeastSquares(images, labels).ridge(0.01).reshape(10, -1)
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_descent_is_gradient_descent_step_by_step(digits):
    x, y = exact.pixels(digits.train_images), np.eye(10)[digits.train_labels]
    w = np.zeros((10, 64))
    for _ in range(50):
        w -= 0.05 * (w @ x.T - y.T) @ x / len(x)
    ours = exact.LeastSquares(digits.train_images, digits.train_labels).descent(0.05, 50)
    np.testing.assert_allclose(ours.reshape(10, -1), w, atol=1e-10)


def test_stopping_early_shrinks_each_direction_about_as_ridge_does():
    """With strength 1 / (rate steps): from 1 to 1.3 times what ridge leaves, whatever it is."""
    curvature, walked = np.geomspace(1e-4, 1, 200), 50.0  # rate times steps, in small steps
    stopped, ridge = -np.expm1(-walked * curvature), curvature / (curvature + 1 / walked)
    assert np.all((stopped >= ridge) & (stopped < 1.3 * ridge))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_on_inputs_is_in_expectation_an_adaptive_l2_penalty(rate):
    """The expected loss as the sum over all 128 masks, weighted by how likely each is."""
    expected = 0
    technique = Dropout(rate)
    for mask in itertools.product([False, True], repeat=7):
        keep = np.broadcast_to(mask, X.shape)
        dropped = ops.convert_to_numpy(technique.inputs(np.float32(X)[None], keep[None]))[0]
        likely = np.prod(np.where(mask, 1 - rate, rate))
        expected += likely * exact.squared_error(KERNEL, dropped.astype("float64"), Y)
    closed_form = exact.squared_error(KERNEL, X, Y) + exact.dropout_penalty(KERNEL, X, rate)
    np.testing.assert_allclose(expected, closed_form, rtol=1e-6)


def test_noise_on_inputs_is_in_expectation_tikhonovs_penalty():
    """By Gauss and Hermite's quadrature, exact for polynomials: the loss is one of degree two."""
    scale, (nodes, weights) = 0.3, np.polynomial.hermite_e.hermegauss(2)
    expected = 0
    for at in itertools.product(range(2), repeat=7):
        noise = np.broadcast_to(np.float32(nodes[list(at)]), X.shape)
        noisy = ops.convert_to_numpy(InputNoise(scale).inputs(np.float32(X)[None], noise[None]))[0]
        likely = np.prod(weights[list(at)] / np.sqrt(2 * np.pi))
        expected += likely * exact.squared_error(KERNEL, noisy.astype("float64"), Y)
    closed_form = exact.squared_error(KERNEL, X, Y) + exact.noise_penalty(KERNEL, scale)
    np.testing.assert_allclose(expected, closed_form, rtol=1e-5)


def test_the_variational_penalty_is_the_divergence_from_the_prior():
    """Against the integral of q log(q / p), weight by weight."""
    mu, log_sigma = RNG.normal(size=(1, 2, 3)), RNG.normal(size=(1, 2, 3)) - 1
    technique = VariationalWeights(prior=0.7).with_arrays({"train_size": 50})
    values = {"mu": np.float32(mu), "log_sigma": np.float32(log_sigma)}
    tensors = {name: ops.convert_to_tensor(value) for name, value in values.items()}
    (ours,) = ops.convert_to_numpy(technique.penalty(tensors))
    prior, divergence = stats.norm(0, 0.7), 0
    for m, s in zip(mu.ravel(), np.exp(log_sigma).ravel(), strict=True):
        q = stats.norm(m, s)

        def integrand(w, q=q):
            return q.pdf(w) * (q.logpdf(w) - prior.logpdf(w))

        divergence += integrate.quad(integrand, m - 12 * s, m + 12 * s, limit=200)[0]
    assert ours == pytest.approx(divergence / 50, rel=1e-5)
    each = technique.with_arrays({"train_size": np.array([50, 10])})
    both = {name: ops.concatenate([value, value]) for name, value in tensors.items()}
    theirs = ops.convert_to_numpy(each.penalty(both))
    assert theirs == pytest.approx(divergence / np.array([50, 10]), rel=1e-5)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A store of its own; the strengths at which optima were looked for, and from where."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))
    solve, asked = exact.SoftmaxRegression.solve, []

    def counted(self, strength, start=None):
        asked.append((strength, start))
        return solve(self, strength, start)

    monkeypatch.setattr(exact.SoftmaxRegression, "solve", counted)
    return asked


def test_a_path_is_the_optimum_at_each_strength_each_begun_at_the_one_before(digits, asked):
    images, labels = digits.train_images[:300], digits.train_labels[:300]
    strengths = (1e-1, 1e-2, 1e-3)
    path = exact.path(images, labels, strengths)
    assert [strength for strength, _ in asked] == [*strengths] and asked[0][1] is None
    for (_, start), before in zip(asked[1:], path, strict=False):
        np.testing.assert_array_equal(start.weights, before.weights)
    for found, strength in zip(path, strengths, strict=True):
        assert found.gradient_norm <= 1e-8 and found.weights.shape == (10, 8, 8)
        theirs = scikit_learns_weights(images, labels, strength)
        np.testing.assert_allclose(found.weights, theirs, atol=1e-4)
        loss, _ = exact.SoftmaxRegression(images, labels).loss(found.weights, strength)
        assert found.loss == pytest.approx(loss) and found.evaluations > 1


def test_a_path_is_kept_by_its_images_labels_and_strengths(digits, asked):
    images, labels = digits.train_images[:100], digits.train_labels[:100]
    one, again = (exact.path(images, labels, (1e-1, 1e-2)) for _ in range(2))
    assert len(asked) == 2
    for mine, theirs in zip(one, again, strict=True):
        assert [type(each) for each in mine] == [type(each) for each in theirs]
        np.testing.assert_array_equal(mine.weights, theirs.weights)
        assert mine[1:] == theirs[1:]
    exact.path(images[::-1], labels, (1e-1,)), exact.path(images, labels[::-1], (1e-1,))
    exact.path(images, labels, (1e-1,)), exact.path(images[:99], labels[:99], (1e-1,))
    assert len(asked) == 6
