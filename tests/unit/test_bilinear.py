"""A bilinear layer's matrices, against NumPy on the whole matrix and against the model itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from regularization.analysis import bilinear
from regularization.core import model
from regularization.core.backend import ops
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.technique import Technique
from regularization.core.techniques import L2, Dropout

RNG = np.random.default_rng(0)
KERNEL, READOUT = RNG.normal(size=(8, 5, 6)), RNG.normal(size=(3, 4))


def whole(kernel, readout):
    """The classes' matrices as defined, by a sum over the units."""
    left, right = np.split(kernel.reshape(len(kernel), -1), 2)
    found = [
        sum(
            r * (np.outer(a, b) + np.outer(b, a)) / 2
            for r, a, b in zip(row, left, right, strict=True)
        )
        for row in readout
    ]
    return np.array(found)


def test_eigenvalues_and_eigenvectors_are_numpys():
    values, vectors = bilinear.eigen(KERNEL, READOUT)
    assert values.shape == (3, 8) and vectors.shape == (3, 8, 5, 6)
    for matrix, own, images in zip(whole(KERNEL, READOUT), values, vectors, strict=True):
        theirs = np.linalg.eigvalsh(matrix)
        theirs = theirs[np.argsort(-abs(theirs))]
        np.testing.assert_allclose(own, theirs[:8], atol=1e-10)
        np.testing.assert_allclose(theirs[8:], 0, atol=1e-10)
        flat = images.reshape(8, -1)
        np.testing.assert_allclose(flat @ matrix, own[:, None] * flat, atol=1e-10)
        np.testing.assert_allclose(flat @ flat.T, np.eye(8), atol=1e-10)
        assert ((flat**3).sum(axis=1) >= 0).all()


def test_a_matrix_made_by_hand_gives_back_what_it_was_made_of():
    """A unit whose halves are one picture has it as its only eigenvector; two signs, two signs."""
    picture, other = np.linalg.qr(RNG.normal(size=(30, 2)))[0].T.reshape(2, 5, 6)
    kernel = np.stack([picture, other, picture, other])
    values, vectors = bilinear.eigen(kernel, np.array([[3.0, -5.0], [2.0, 0.0]]))
    np.testing.assert_allclose(values, [[-5, 3, 0, 0], [2, 0, 0, 0]], atol=1e-12)
    for found, expected in ((vectors[0, 0], other), (vectors[0, 1], picture)):
        assert abs(np.sum(found * expected)) == pytest.approx(1)
    own = bilinear.leading(values, vectors)
    assert abs(np.sum(own[0] * picture)) == pytest.approx(1)  # the largest, not the largest in size


def test_what_is_like_its_own_mean_image_is_more_than_what_is_like_all():
    """Of three orthogonal pictures, centred, each has sqrt(2/3) with its own, 1/sqrt(6) else."""
    pictures = np.linalg.qr(RNG.normal(size=(30, 3)))[0].T.reshape(3, 5, 6)
    expected = np.sqrt(2 / 3) - np.sqrt(1 / 6)
    for images in (pictures, -pictures):
        assert bilinear.likeness(images, 2 * pictures) == pytest.approx(expected)
    alike = np.repeat(pictures[:1], 3, axis=0)
    assert bilinear.likeness(alike, pictures) == pytest.approx(0)


def test_what_is_taken_apart_is_what_tells_the_classes_apart():
    """What is added to the matrices of all classes alike changes no answer, and nothing here."""
    among, more = RNG.random((5, 6)) < 0.7, RNG.normal(size=(2, 1, 4))
    kernels, readouts = RNG.normal(size=(2, 8, 5, 6)), RNG.normal(size=(2, 3, 4))
    found, shifted = (
        bilinear.taken_apart(
            SimpleNamespace(
                weights=SimpleNamespace(values=kernels),
                parameters={"kernel.1": SimpleNamespace(values=each)},
            ),
            among,
        )
        for each in (readouts, readouts + more)
    )
    for (values, vectors), (same, _) in zip(found, shifted, strict=True):
        np.testing.assert_allclose(values, same, atol=1e-10)
        assert np.abs(vectors[values > 1e-9][:, ~among]).max() < 1e-12
    ours = whole(kernels[0] * among, readouts[0])
    theirs = np.linalg.eigvalsh(ours - ours.mean(axis=0))
    np.testing.assert_allclose(
        np.sort(np.abs(found[0][0])), np.sort(np.abs(theirs))[:, -8:], atol=1e-10
    )


def test_the_effective_rank_counts_equal_eigenvalues():
    assert bilinear.effective_rank(np.array([2, -2, 2, 0, 0])) == pytest.approx(3)
    assert bilinear.effective_rank(np.array([7.0])) == pytest.approx(1)
    assert 1 < bilinear.effective_rank(np.array([9, 1])) < 2


@pytest.mark.parametrize("technique", [Technique(), L2(1e-3), Dropout(0.5)], ids=str)
def test_a_trained_models_logits_are_its_matrices(digits, technique):
    """The model has two layers, and hooks on both; the matrices are the same function."""
    settings = Settings(technique, steps=20, seeds=2, hidden=(6,), activation="bilinear")
    found = fit(settings, digits)
    kernel, readout = found["weights"], found["parameters.kernel.1"]
    assert kernel.shape == (2, 12, 8, 8) and readout.shape == (2, 10, 6)
    x = np.float32(digits.test_images[:20].reshape(20, -1)) / 255
    parameters = {"kernel": kernel.reshape(2, 12, 64), "kernel.1": readout}
    parameters = {name: ops.convert_to_tensor(each) for name, each in parameters.items()}
    ours = ops.convert_to_numpy(model.logits(technique, parameters, ops.convert_to_tensor(x[None])))
    for seed in range(2):
        values, vectors = bilinear.eigen(kernel[seed], readout[seed])
        amounts = np.einsum("np,ckp->nck", x, vectors.reshape(10, -1, 64))
        logits = np.einsum("nck,ck->nc", amounts**2, values)
        np.testing.assert_allclose(ours[seed], logits, rtol=1e-3, atol=1e-4)
