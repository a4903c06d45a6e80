"""Input noise."""

import keras
import numpy as np
import pytest
from samples import RNG, X, numpy

from regularization.core.backend import ops
from regularization.core.techniques.input_noise import InputNoise


def test_input_noise_is_kerass_gaussian_noise():
    """The same mean and spread; at test time, none."""
    zeros = np.zeros((2, 200, 300), "float32")
    noise = RNG.standard_normal(zeros.shape).astype("float32")
    ours = numpy(InputNoise(np.array([0.1, 0.4])).inputs(ops.convert_to_tensor(zeros), noise))
    for scale, noisy in zip((0.1, 0.4), ours, strict=True):
        theirs = numpy(keras.layers.GaussianNoise(scale, seed=1)(zeros[0], training=True))
        assert noisy.std() == pytest.approx(theirs.std(), rel=0.02)
        assert noisy.mean() == pytest.approx(theirs.mean(), abs=0.01)
    assert InputNoise(0.3).inputs(X) is X
    (draw,) = InputNoise().noise((32, 5), None).values()
    assert (draw.kind, draw.shape) == ("normal", (32, 5))
