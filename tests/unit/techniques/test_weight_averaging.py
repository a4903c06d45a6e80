"""Weight averaging."""

import keras
import numpy as np
from samples import KERNEL, RNG, numpy, tensor

from regularization.core.techniques.weight_averaging import WeightAveraging


def averages(steps, kernels):
    technique = WeightAveraging(steps)
    parameters = technique.parameters(tensor(KERNEL))
    for kernel in kernels:
        after = parameters | {"kernel": tensor(kernel)}
        parameters = technique.update(parameters, after, 0.1)
    assert numpy(parameters["kernel"]).tolist() == kernels[-1].tolist()
    return numpy(technique.at_test(parameters)["kernel"])


def test_late_steps_count_more_and_the_start_not_at_all():
    """Each replica by its own horizon, against the weighted mean by hand."""
    kernels = RNG.normal(size=(7, *KERNEL.shape)).astype("float32")
    ours = averages(np.array([1.0, 4.0]), kernels)
    np.testing.assert_allclose(ours[0], kernels[-1, 0], rtol=1e-5)
    by_hand = np.average(kernels[:, 1], axis=0, weights=0.75 ** np.arange(7)[::-1])
    np.testing.assert_allclose(ours[1], by_hand, rtol=1e-4, atol=1e-6)


def test_it_is_kerass_moving_average_but_for_the_first_step():
    """Keras starts at the first kernel, we at nothing: its pull is what is left of a long ago."""
    variable = keras.Variable(np.zeros((1,), "float32"))
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    optimizer.build([variable])
    kernels = np.arange(1.0, 31)
    for _ in kernels:
        optimizer.apply([-np.ones(1, "float32")], [variable])  # one up at each step
    optimizer.finalize_variable_values([variable])
    ours = averages(2, np.ones_like(KERNEL) * kernels.reshape(-1, 1, 1, 1))
    np.testing.assert_allclose(ours, float(numpy(variable)[0]), rtol=1e-5)
