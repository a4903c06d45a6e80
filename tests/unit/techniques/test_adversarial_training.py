"""Adversarial training."""

import numpy as np
import pytest
from samples import KERNEL, RNG, X, numpy, tensor

from regularization.core import backend, model
from regularization.core.technique import Technique
from regularization.core.techniques.adversarial_training import AdversarialTraining

LABELS = RNG.integers(0, 10, (2, 5)).astype("int32")
EPSILON = np.array([0.05, 0.2], "float32")


def slope_of(loss):
    """The slope of a batch's loss along its images, by finite differences in float64."""
    targets = np.eye(10)[LABELS]

    def at(x):
        z = x @ np.float64(KERNEL).swapaxes(1, 2)
        p = np.exp(z - z.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        if loss == "cross_entropy":
            return -np.log((p * targets).sum(axis=-1)).mean(axis=1)
        return 0.5 * ((targets - p) ** 2).mean(axis=(1, 2))

    found, h = np.zeros(X.shape), 1e-5
    for place in np.ndindex(*X.shape[1:]):
        away = np.zeros(X.shape)
        away[:, *place] = h
        found[:, *place] = (at(X + away) - at(X - away)) / (2 * h)
    return found


@pytest.mark.parametrize("loss", model.LOSSES)
def test_every_pixel_moves_by_epsilon_to_where_the_loss_grows(loss):
    seen = []

    class Watched(AdversarialTraining):
        def attack(self, x, slope):
            seen.append(super().attack(x, slope))
            return seen[-1]

    model.losses(
        Watched(EPSILON), {"kernel": tensor(KERNEL)}, tensor(X), LABELS, {}, model.LOSSES[loss]
    )
    expected = X + EPSILON[:, None, None] * np.sign(slope_of(loss))
    np.testing.assert_allclose(numpy(seen[0]), expected, rtol=1e-6)


def test_for_two_classes_it_is_a_penalty_on_the_sizes_of_their_difference():
    """Goodfellow, Shlens and Szegedy (2015, section 5): the penalty stands within the loss.

    The margin of the true class shrinks by epsilon times the l1 norm of the difference, whatever
    the image; loss and gradient are those of a model whose margins are so much smaller.
    """
    kernel, labels = KERNEL[:, :2], LABELS % 2
    technique = AdversarialTraining(EPSILON)

    def objective(parameters):
        error, _ = model.losses(technique, parameters, tensor(X), labels, {}, model.cross_entropy)
        return backend.ops.sum(error), error

    (_, ours), gradient = backend.value_and_grad(objective, {"kernel": tensor(kernel)})
    difference = np.float64(kernel[:, 1] - kernel[:, 0])  # [replicas, pixels]
    sign = 2.0 * labels - 1  # [replicas, batch]
    margin = sign * np.einsum("rbp,rp->rb", X, difference)
    margin -= EPSILON[:, None] * np.abs(difference).sum(axis=1)[:, None]
    np.testing.assert_allclose(numpy(ours), np.log1p(np.exp(-margin)).mean(axis=1), rtol=1e-5)
    falls = -1 / (1 + np.exp(margin)) / margin.shape[1]  # the loss by the margin
    grows = sign[..., None] * X - EPSILON[:, None, None] * np.sign(difference)[:, None]
    by_difference = np.einsum("rb,rbp->rp", falls, grows)
    expected = np.stack([-by_difference, by_difference], axis=1)
    np.testing.assert_allclose(numpy(gradient["kernel"]), expected, rtol=1e-4, atol=1e-6)


def test_at_no_strength_it_changes_nothing():
    parameters = {"kernel": tensor(KERNEL)}
    none, ours = (
        model.losses(each, parameters, tensor(X), LABELS, {})[0]
        for each in (Technique(), AdversarialTraining(0.0))
    )
    np.testing.assert_array_equal(numpy(none), numpy(ours))
    assert AdversarialTraining(0.1).changes == ["inputs"]
