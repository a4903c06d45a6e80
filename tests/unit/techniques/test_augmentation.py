"""Data augmentation."""

import keras
import numpy as np
import pytest
from samples import RNG, numpy, tensor
from scipy import ndimage

from regularization.core.geometry import moved
from regularization.core.techniques.augmentation import Augmentation

IMAGES = RNG.uniform(size=(2, 6, 9, 9)).astype("float32")
FLAT = IMAGES.reshape(2, 6, 81)
DEGREES, DOWN, RIGHT = (RNG.uniform(-d, d, (2, 6, 1)).astype("float32") for d in (30, 2, 2))


def places(degrees, down, right, middle=4.0):
    """The affine map from a place in the moved image to one in the image, rows before columns."""
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return matrix, middle - matrix @ [middle + down, middle + right]


def each_moved():
    ours = numpy(moved(tensor(FLAT), tensor(DEGREES), tensor(DOWN), tensor(RIGHT)))
    for replica in range(2):
        for i in range(6):
            by = (float(amount[replica, i, 0]) for amount in (DEGREES, DOWN, RIGHT))
            yield ours[replica, i].reshape(9, 9), IMAGES[replica, i], places(*by)


def test_an_image_is_moved_as_scipy_moves_it():
    for ours, image, (matrix, offset) in each_moved():
        padded = np.pad(image, 3)  # SciPy does not blend with what is outside
        offset = offset + 3 - matrix @ [3, 3]
        theirs = ndimage.affine_transform(padded, matrix, offset, order=1)[3:-3, 3:-3]
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_an_image_is_moved_as_keras_moves_it():
    for ours, image, (matrix, offset) in each_moved():
        # Keras names columns before rows.
        transform = np.float32([*matrix[1, ::-1], offset[1], *matrix[0, ::-1], offset[0], 0, 0])
        theirs = keras.ops.image.affine_transform(image[..., None], transform, "bilinear")
        np.testing.assert_allclose(ours, numpy(theirs)[..., 0], atol=1e-4)


def test_a_whole_shift_moves_pixels_and_a_quarter_turn_is_numpys():
    image, zero = tensor(FLAT[:1, :1]), tensor(np.zeros((1, 1, 1)))
    down = numpy(moved(image, zero, zero + 2, zero)).reshape(9, 9)
    np.testing.assert_allclose(down[2:], IMAGES[0, 0, :-2], atol=1e-5)
    assert not down[:2].any()
    turned = numpy(moved(image, zero + 90, zero, zero)).reshape(9, 9)
    np.testing.assert_allclose(turned, np.rot90(IMAGES[0, 0], -1), atol=1e-4)


def test_it_moves_by_up_to_what_it_says_each_replica_by_its_own():
    draws = tensor(np.stack([np.zeros((6, 3)), np.full((6, 3), 0.5)]))
    ours = numpy(Augmentation([1.0, 2.0], degrees=[0.0, 20.0]).images(tensor(FLAT), draws))
    np.testing.assert_allclose(ours[1], FLAT[1], atol=1e-5)  # drawn in the middle: as it is
    up_and_left = IMAGES[0, :, 1:, 1:]
    np.testing.assert_allclose(ours[0].reshape(6, 9, 9)[:, :-1, :-1], up_and_left, atol=1e-5)
    assert Augmentation().images(FLAT) is FLAT


def test_an_image_that_is_not_square_is_moved_as_scipy_moves_it():
    image, zero = IMAGES[0, 0, :5], tensor(np.zeros((1, 1, 1)))
    by = zero + 20, zero + 0.5, zero - 1.5
    ours = numpy(moved(tensor(image.reshape(1, 1, -1)), *by, shape=(5, 9))).reshape(5, 9)
    matrix, _ = places(20, 0, 0)
    middle = np.array([2.0, 4.0])
    offset = middle - matrix @ (middle + [0.5, -1.5]) + 3 - matrix @ [3, 3]
    theirs = ndimage.affine_transform(np.pad(image, 3), matrix, offset, order=1)[3:-3, 3:-3]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_signal_is_shifted_along_and_goes_on_as_it_ends():
    signal, zero = IMAGES[0, 0, :1], tensor(np.zeros((1, 1, 1)))
    by = zero + 20, zero + 2, zero + 1.5
    ours = numpy(moved(tensor(signal[None]), *by, shape=(1, 9)))[0, 0]
    theirs = np.interp(np.arange(9) - 1.5, np.arange(9), signal[0])
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_images_of_unknown_shape_have_to_be_square():
    x = tensor(np.zeros((1, 2, 12)))
    with pytest.raises(ValueError, match="12 pixels are not of 3 x 3.*Expected"):
        Augmentation().images(x, tensor(np.zeros((1, 2, 3))))
