"""Dropout."""

import keras
import numpy as np
import pytest
from samples import KERNEL, RNG, X, numpy, tensor

from regularization.core.backend import ops
from regularization.core.noise import draw, reader
from regularization.core.techniques.dropout import Dropout


def test_dropout_keeps_what_the_noise_says_and_scales_it():
    keep = RNG.uniform(size=X.shape) < 0.7
    dropped = numpy(Dropout(rate=0.3).inputs(tensor(X), keep))
    np.testing.assert_allclose(dropped, np.where(keep, X / 0.7, 0), rtol=1e-6)
    assert Dropout(rate=0.3).inputs(X) is X
    assert Dropout(rate=0.3).noise(X.shape, KERNEL.shape)["inputs"].parameter == 0.7


def test_dropout_is_kerass_dropout():
    """The same share dropped, the same scale of what is left."""
    ones = np.ones((1, 400, 500), "float32")
    dropout = Dropout(rate=0.4)
    draws = dropout.noise(ones.shape[1:], None)
    bulk = draw(draws, ops.convert_to_tensor(np.array([1], "int32")), 0, 1)
    ours = numpy(dropout.inputs(ops.convert_to_tensor(ones), reader(draws, bulk)(0, 0)["inputs"]))
    theirs = numpy(keras.layers.Dropout(0.4, seed=1)(ones, training=True))
    assert np.unique(ours) == pytest.approx(np.unique(theirs))
    # 200,000 draws: five standard errors are 0.0055.
    assert np.mean(ours == 0) == pytest.approx(np.mean(theirs == 0), abs=0.008)
    assert ours.mean() == pytest.approx(1, abs=0.02)


def test_dropout_takes_a_rate_for_each_replica():
    keep = np.stack([np.ones_like(X[0]), RNG.uniform(size=X[1].shape)]) > 0.5
    both = numpy(Dropout(rate=np.array([0.0, 0.5])).inputs(tensor(X), keep))
    np.testing.assert_allclose(both[0], X[0], rtol=1e-6)
    np.testing.assert_allclose(both[1], np.where(keep[1], 2 * X[1], 0), rtol=1e-6)
