"""A bilinear layer taken apart: a symmetric matrix for each class, whose eigenvectors are images.

Where a model's hidden layer is bilinear, the logit of a class is `x^T B x`, with a matrix `B` of
its own (Pearce et al., 2025, section 3). Along an eigenvector of `B` it grows with the square of
how much an image has of it, times the eigenvalue.
"""

from types import SimpleNamespace

import numpy as np

from regularization.analysis import measures


def eigen(kernel, readout):
    """Return the eigenvalues `[classes, n]` and eigenvectors `[classes, n, height, width]`.

    `kernel` is that of the bilinear layer, `[2 * units, height, width]`, whose halves are
    multiplied; `readout` that of the layer after it, `[classes, units]`. All others are zero. The
    largest in size comes first. An eigenvector has no sign, and gets the one in which what stands
    out is positive.
    """
    kernel = np.asarray(kernel, "float64")
    # Of two times as many rows as units, and so is the matrix's rank: in their span it is small.
    basis, within = np.linalg.qr(kernel.reshape(len(kernel), -1).T)
    left, right = np.split(within, 2, axis=1)
    small = np.einsum("cu,pu,qu->cpq", np.asarray(readout, "float64"), left, right)
    values, vectors = np.linalg.eigh((small + small.swapaxes(1, 2)) / 2)
    order = np.argsort(-np.abs(values), axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    vectors = np.take_along_axis(vectors.swapaxes(1, 2), order[:, :, None], axis=1) @ basis.T
    vectors *= np.where((vectors**3).sum(axis=2, keepdims=True) < 0, -1, 1)
    return values, vectors.reshape(*values.shape, *kernel.shape[1:])


def taken_apart(run, among):
    """Return `eigen` of what tells the classes apart, for each seed of a run.

    Its one hidden layer is bilinear. What all the matrices share is taken out: it changes no answer
    of a softmax. So are the pixels that are not `among` those that count, bool `[height, width]`.
    """
    readouts = run.parameters["kernel.1"].values
    readouts = readouts - readouts.mean(axis=1, keepdims=True)
    return [eigen(*pair) for pair in zip(run.weights.values * among, readouts, strict=True)]


def effective_rank(values):
    """Return how many eigenvalues count: the exponential of the entropy of their sizes' shares.

    Roy and Vetterli (2007, definition 1): n equal ones and zeros otherwise count n.
    """
    shares = np.abs(values) / np.abs(values).sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def leading(values, vectors):
    """Return each class's eigenvector of the largest eigenvalue, `[classes, height, width]`.

    That speaks for the class, as one of a negative eigenvalue speaks against it.
    """
    return vectors[np.arange(len(values)), values.argmax(axis=1)]


def measured(of_seed, templates, among):
    """Return what pairs as of `taken_apart` come to, an array over them each.

    The effective `rank`, a mean over the classes; and of the leading eigenvectors the `likeness` to
    the `templates` and the `smoothness`, both `among` the pixels that count.
    """
    first = [leading(*each) for each in of_seed]
    ranks = [np.mean([effective_rank(each) for each in values]) for values, _ in of_seed]
    return SimpleNamespace(
        rank=np.array(ranks),
        likeness=np.array([likeness(each, templates * among) for each in first]),
        smoothness=np.array([measures.smoothness(each, among) for each in first]),
    )


def likeness(images, templates):
    """Return how much more eigenvectors look like what tells their own class than the others.

    Both are `[classes, height, width]`. A cosine, whatever its sign, with the mean image of the own
    class, less its mean with those of the others, which any smooth picture may have; averaged over
    the classes. The mean images are centred, as in `measures.template_likeness`.
    """
    distinct = templates - templates.mean(axis=0)
    alike = np.abs([[measures.likeness(image, each) for each in distinct] for image in images])
    own, count = np.trace(alike), len(alike)
    return float(own / count - (alike.sum() - own) / (count * (count - 1)))
