"""Mixup."""

import keras
import numpy as np
import pytest
from samples import RNG, X, numpy, tensor

from regularization.core.backend import name
from regularization.core.techniques.mixup import Mixup

PARTS = RNG.uniform(size=(2, 5, 1)).astype("float32")


def test_images_and_labels_are_mixed_with_the_neighbour_in_the_same_parts():
    targets = np.eye(3, dtype="float32")[RNG.integers(0, 3, (2, 5))]
    mixup = Mixup()
    for mixed, whole in [
        (mixup.images(tensor(X), tensor(PARTS)), X),
        (mixup.labels(tensor(targets), tensor(PARTS)), targets),
    ]:
        by_hand = [
            [part[i] * rows[i] + (1 - part[i]) * rows[i - 1] for i in range(5)]
            for part, rows in zip(PARTS, whole, strict=True)
        ]
        np.testing.assert_allclose(numpy(mixed), by_hand, rtol=1e-5)
    assert mixup.images(X) is X


@pytest.mark.skipif(name != "tensorflow", reason="Keras's preprocessing layers want TensorFlow")
def test_it_is_kerass_mixup_with_the_same_partners_and_parts():
    images = X[0].reshape(5, 4, 4, 1)
    drawn = {"mix_weight": PARTS[0], "permutation_order": np.array([4, 0, 1, 2, 3])}
    theirs = numpy(keras.layers.MixUp().transform_images(images, drawn, training=True))
    ours = numpy(Mixup().images(tensor(X), tensor(PARTS)))[0]
    np.testing.assert_allclose(ours, theirs.reshape(5, 16), rtol=1e-5)


def test_the_parts_are_drawn_from_a_beta_distribution():
    (draw,) = Mixup(0.4).noise((32, 16), (10, 16)).values()
    assert (draw.kind, draw.shape, draw.parameter) == ("beta", (32, 1), 0.4)
