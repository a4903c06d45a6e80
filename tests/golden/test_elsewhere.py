"""One layer on the other data sets is about as good as others say that it is."""

import pytest
from sklearn.linear_model import LogisticRegression

from regularization.core import data
from regularization.core.fit import fit
from regularization.core.settings import Settings


def ours(digits, steps):
    """The test accuracy of our model, trained by cross-entropy."""
    settings = Settings(
        steps=steps, seeds=1, learning_rate=1e-3, loss="cross_entropy", every=1_000, frames=0
    )
    return fit(settings, digits)["test_accuracy"].item()


@pytest.mark.thorough
def test_on_fashion_mnist():
    """The benchmark of Fashion-MNIST has logistic regression at 0.84."""
    try:
        fashion = data.load("fashion")
    except data.Unreachable as error:
        pytest.skip(f"Fashion-MNIST cannot be had: {error.reason}")
    assert ours(fashion, steps=10_000) == pytest.approx(0.84, abs=0.01)


def test_on_mnist1d():
    """Its README has logistic regression at 32 %; ours has no bias, which there makes the rest."""
    signals = data.load("mnist1d")
    train, test = (
        images.reshape(len(images), -1) / 255
        for images in (signals.train_images, signals.test_images)
    )

    def theirs(bias):
        model = LogisticRegression(fit_intercept=bias, solver="newton-cholesky")
        return model.fit(train, signals.train_labels).score(test, signals.test_labels)

    assert theirs(bias=True) == pytest.approx(0.32, abs=0.02)
    assert ours(signals, steps=10_000) == pytest.approx(theirs(bias=False), abs=0.03)
