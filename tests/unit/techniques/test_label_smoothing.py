"""Label smoothing."""

import keras
import numpy as np
from samples import RNG, numpy, tensor

from regularization.core.model import cross_entropy
from regularization.core.techniques.label_smoothing import LabelSmoothing

TARGETS = np.eye(10, dtype="float32")[RNG.integers(0, 10, (2, 5))]


def test_under_cross_entropy_it_is_kerass_label_smoothing():
    logits = RNG.normal(size=(2, 5, 10)).astype("float32")
    rates = np.array([0.1, 0.4])
    ours = cross_entropy(tensor(logits), LabelSmoothing(rates).labels(tensor(TARGETS)))
    theirs = [
        float(keras.losses.CategoricalCrossentropy(True, label_smoothing=rate)(y, z))
        for rate, y, z in zip(rates, TARGETS, logits, strict=True)
    ]
    np.testing.assert_allclose(numpy(ours), theirs, rtol=1e-5)


def test_targets_stay_probabilities_and_at_rate_1_say_nothing():
    smooth = numpy(LabelSmoothing(np.array([0.3, 1.0])).labels(tensor(TARGETS)))
    np.testing.assert_allclose(smooth.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(smooth[1], 0.1, rtol=1e-6)
