"""What is known exactly: against scikit-learn, finite differences and automatic ones."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from regularization.analysis import exact, measures
from regularization.core import backend, model
from regularization.core.backend import ops
from regularization.core.technique import Technique
from regularization.core.techniques import VariationalWeights

RNG = np.random.default_rng(0)
#: The problem in float64, and the training's own loss of the same.
LOSSES = {exact.SoftmaxRegression: model.cross_entropy, exact.SquaredError: model.squared_error}


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


@pytest.mark.parametrize("problem", LOSSES)
def test_its_gradient_agrees_with_finite_differences(digits, problem):
    problem = problem(digits.train_images[:50], digits.train_labels[:50])
    at = RNG.normal(size=10 * problem.ink.sum())
    error = check_grad(
        lambda w: problem._loss_and_gradient(w, 0.1)[0],
        lambda w: problem._loss_and_gradient(w, 0.1)[1],
        at,
    )
    assert error < 1e-5


@pytest.mark.parametrize("problem, loss", LOSSES.items())
def test_the_first_step_is_what_automatic_differentiation_makes_of_the_trainings_loss(
    digits, problem, loss
):
    images, labels = digits.train_images, digits.train_labels
    x = ops.convert_to_tensor(np.float32(exact.pixels(images))[None])

    def of_zero(parameters):
        both = model.losses(Technique(), parameters, x, labels[None].astype("int32"), {}, loss)
        return ops.sum(both[0]), both

    (value, _), gradient = backend.value_and_grad(of_zero, {"kernel": ops.zeros((1, 10, 64))})
    theirs, ours = -ops.convert_to_numpy(gradient["kernel"])[0], problem(images, labels)
    np.testing.assert_allclose(ours.first_step().reshape(10, 64), theirs, atol=1e-6)
    assert ours.loss(np.zeros((10, 8, 8)))[0] == pytest.approx(float(value), rel=1e-5)


def test_the_posts_first_step_is_each_class_mean_less_the_mean_of_all(digits):
    """Weighed by the class's share of the images, over the square of the classes' number."""
    images, labels = digits.train_images, digits.train_labels
    sums = [exact.pixels(images[labels == c]).sum(axis=0) for c in range(10)]
    by_hand = (np.array(sums) - np.sum(sums, axis=0) / 10) / len(images) / 100
    ours = exact.SquaredError(images, labels).first_step().reshape(10, -1)
    np.testing.assert_allclose(ours, by_hand, atol=1e-15)


@pytest.mark.parametrize("problem", LOSSES)
def test_a_strong_penalty_leaves_the_first_step_over_its_strength(digits, problem):
    problem = problem(digits.train_images, digits.train_labels)
    step = problem.first_step()
    found = [problem.solve(strength, tolerance=1e-10).weights for strength in (1e1, 1e2, 1e3)]
    apart = [
        np.linalg.norm(weights - step / strength) / np.linalg.norm(weights)
        for weights, strength in zip(found, (1e1, 1e2, 1e3), strict=True)
    ]
    assert apart[1] < 0.2 * apart[0] and apart[2] < 0.2 * apart[1] < 0.01


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


def test_under_a_vanishing_penalty_the_margin_grows_to_a_support_vector_machines(digits):
    """Which is the largest that there is: one over the length of its weights."""
    images, labels = digits.train_images[:60], digits.train_labels[:60]
    machine = LinearSVC(
        C=1e4, multi_class="crammer_singer", fit_intercept=False, tol=1e-8, max_iter=100_000
    ).fit(exact.pixels(images), labels)
    widest = machine.coef_.reshape(10, 8, 8)
    largest = exact.margin(widest, images, labels)
    assert largest == pytest.approx(1 / np.linalg.norm(widest), rel=1e-3)
    problem, found = exact.SoftmaxRegression(images, labels), []
    for strength in (1e-2, 1e-4, 1e-6):
        found.append(problem.solve(strength, tolerance=1e-3 * strength).weights)
    margins = [exact.margin(weights, images, labels) for weights in found]
    assert 0 < margins[0] < margins[1] < margins[2] < largest
    alike = [measures.likeness(weights, widest) for weights in found]
    assert alike[0] < alike[1] < alike[2] and alike[2] > 0.98


@pytest.mark.parametrize("strength", [0, -1, float("nan"), float("inf")])
def test_a_strength_without_a_minimum_is_refused(digits, strength):
    problem = exact.SoftmaxRegression(digits.train_images[:20], digits.train_labels[:20])
    with pytest.raises(ValueError, match="expected a number above 0"):
        problem.solve(strength)


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


@pytest.mark.thorough
def test_under_the_posts_penalty_the_optimum_on_mnist_is_nearly_the_first_step(mnist):
    """The cosines that another program found, to two hundredths."""
    problem = exact.SquaredError(mnist.train_images, mnist.train_labels)
    step, start = problem.first_step(), None
    for strength, cosine in ((1.0, 0.999), (1e-2, 0.96)):
        start = problem.solve(strength, start=start)
        assert measures.likeness(start.weights, step) == pytest.approx(cosine, abs=0.02)
