"""Weight normalization with gain."""

import keras
import numpy as np
from samples import KERNEL, RNG, numpy, tensor

from regularization.core.backend import ops
from regularization.core.techniques.weight_normalization_with_gain import (
    WeightNormalizationWithGain,
)


def test_weight_normalization_with_gain_learns_length_and_direction_apart():
    technique = WeightNormalizationWithGain()
    start = technique.parameters(tensor(KERNEL))
    np.testing.assert_allclose(numpy(technique.weights(start)), KERNEL, rtol=1e-5)
    gain = RNG.uniform(1, 2, (*KERNEL.shape[:2], 1)).astype("float32")
    ours = numpy(technique.weights(start | {"gain": ops.convert_to_tensor(gain)}))
    # A class's weights have the gain's length and, by Keras's own normalization, the direction.
    directions = numpy(keras.layers.UnitNormalization(axis=-1)(KERNEL))
    np.testing.assert_allclose(ours, gain * directions, rtol=1e-5)
