"""Decoupled weight decay."""

import keras
import numpy as np
from samples import KERNEL, RNG, numpy, tensor

from regularization.core import model
from regularization.core.backend import ops
from regularization.core.techniques.weight_decay import WeightDecay


def test_weight_decay_under_adam_is_kerass_adamw():
    """Twenty steps, whatever the gradients are."""
    variable = keras.Variable(KERNEL)
    theirs = keras.optimizers.AdamW(learning_rate=0.01, weight_decay=0.3, epsilon=1e-8)
    technique, zero = WeightDecay(0.3), {"kernel": ops.zeros_like(KERNEL)}
    state = ({"kernel": tensor(KERNEL)}, zero, zero, ops.zeros((), "int32"))
    for _ in range(20):
        gradient = tensor(RNG.normal(size=KERNEL.shape))
        theirs.apply([gradient], [variable])
        before = state[0]
        after, *moments = model.adam(state, {"kernel": gradient}, 0.01)
        state = technique.update(before, after, 0.01), *moments
    np.testing.assert_allclose(numpy(state[0]["kernel"]), numpy(variable), rtol=1e-4, atol=1e-5)


def test_each_replica_has_its_own_strength_and_learning_rate():
    kernel = {"kernel": tensor(KERNEL)}
    ours = WeightDecay(np.array([0.5, 2.0])).update(kernel, kernel, np.array([0.1, 0.2]))
    by_hand = KERNEL * np.array([1 - 0.05, 1 - 0.4]).reshape(2, 1, 1)
    np.testing.assert_allclose(numpy(ours["kernel"]), by_hand, rtol=1e-5)


def test_under_a_steady_gradient_a_weight_comes_to_rest_at_the_wall_of_a_box():
    """Adam's step is the rate, whatever the gradient; decay's is as large at 1 / strength."""
    technique, rate = WeightDecay(np.array([2.0, 8.0])), np.array([0.05, 0.05])
    gradient = np.where(KERNEL > 0, 3.0, -0.01)
    zero = {"kernel": ops.zeros_like(KERNEL)}
    state = ({"kernel": tensor(KERNEL)}, zero, zero, ops.zeros((), "int32"))
    for _ in range(300):
        after, *moments = model.adam(state, {"kernel": tensor(gradient)}, rate)
        state = technique.update(state[0], after, rate), *moments
    walls = -np.sign(gradient) / np.array([2.0, 8.0]).reshape(2, 1, 1)
    np.testing.assert_allclose(numpy(state[0]["kernel"]), walls, rtol=1e-3)
