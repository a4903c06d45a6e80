"""DropConnect."""

import keras
import numpy as np
import pytest
from samples import KERNEL, RNG, numpy, tensor

from regularization.core.backend import ops
from regularization.core.noise import draw, reader
from regularization.core.techniques.dropconnect import DropConnect


def test_dropconnect_keeps_the_weights_that_the_noise_says_and_scales_them():
    keep = RNG.uniform(size=KERNEL.shape) < 0.7
    technique, parameters = DropConnect(0.3), {"kernel": tensor(KERNEL)}
    ours = numpy(technique.weights(parameters, keep))
    np.testing.assert_allclose(ours, np.where(keep, KERNEL / 0.7, 0), rtol=1e-6)
    assert technique.weights(parameters) is parameters["kernel"]
    (wanted,) = technique.noise((32, 16), (10, 16)).values()
    assert (wanted.kind, wanted.shape, wanted.parameter) == ("bernoulli", (10, 16), 0.7)


def test_it_is_kerass_dropout_on_a_kernel_of_ones():
    ones, technique = np.ones((1, 400, 500), "float32"), DropConnect(0.4)
    draws = technique.noise((32, 500), (400, 500))
    bulk = draw(draws, ops.convert_to_tensor(np.array([1], "int32")), 0, 1)
    keep = reader(draws, bulk)(0, 0)["weights"]
    ours = numpy(technique.weights({"kernel": tensor(ones)}, keep))
    theirs = numpy(keras.layers.Dropout(0.4, seed=1)(ones, training=True))
    assert np.unique(ours) == pytest.approx(np.unique(theirs))
    # 200,000 draws: five standard errors are 0.0055.
    assert np.mean(ours == 0) == pytest.approx(np.mean(theirs == 0), abs=0.008)
