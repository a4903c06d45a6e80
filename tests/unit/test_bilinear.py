"""A bilinear layer's matrices, against NumPy on the whole matrix and against the model itself."""

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
    assert bilinear.likeness(own, np.stack([picture, other]) * 2) == pytest.approx(0.707, abs=1e-3)


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
