"""Gaussian weights."""

import numpy as np
from samples import KERNEL, RNG, numpy
from scipy.stats import norm

from regularization.core.backend import ops
from regularization.core.techniques.gaussian_weights import (
    DensityWeights,
    DrawnWeights,
    GaussianWeights,
)


def test_gaussian_weights_are_the_posts_function_not_a_density():
    mu, log_sigma = KERNEL * 0.1, KERNEL[::-1] * 0.1
    noise = RNG.normal(size=KERNEL.shape).astype("float32")
    parameters = {"mu": ops.convert_to_tensor(mu), "log_sigma": ops.convert_to_tensor(log_sigma)}
    technique = GaussianWeights(noise_scale=0.5)
    sigma = np.exp(log_sigma)
    for drawn, n in [(noise, 0.5 * noise), (None, 0)]:
        expected = np.exp(-(((n - mu) / sigma) ** 2) / (2 * sigma**2)) / (
            np.sqrt(2 * np.pi) * sigma
        )
        np.testing.assert_allclose(numpy(technique.weights(parameters, drawn)), expected, rtol=1e-5)


def test_density_weights_are_scipys_normal_density():
    mu, log_sigma = KERNEL * 0.1, KERNEL[::-1] * 0.1
    noise = RNG.normal(size=KERNEL.shape).astype("float32")
    parameters = {"mu": ops.convert_to_tensor(mu), "log_sigma": ops.convert_to_tensor(log_sigma)}
    for drawn, n in [(noise, 0.5 * noise), (None, 0)]:
        ours = numpy(DensityWeights(noise_scale=0.5).weights(parameters, drawn))
        np.testing.assert_allclose(ours, norm.pdf(n, mu, np.exp(log_sigma)), rtol=1e-5)


def test_drawn_weights_have_the_mean_and_the_width_that_are_trained():
    mu, log_sigma = KERNEL[:1], KERNEL[1:] * 0.1
    noise = RNG.normal(size=(20_000, *KERNEL.shape[1:])).astype("float32")
    parameters = {"mu": ops.convert_to_tensor(mu), "log_sigma": ops.convert_to_tensor(log_sigma)}
    drawn = numpy(DrawnWeights(noise_scale=0.5).weights(parameters, noise))
    np.testing.assert_allclose(drawn.mean(axis=0), mu[0], atol=0.02)
    np.testing.assert_allclose(drawn.std(axis=0), 0.5 * np.exp(log_sigma[0]), rtol=0.05)
    at_test = numpy(DrawnWeights(noise_scale=0.5).weights(parameters))
    np.testing.assert_array_equal(at_test, mu)
    (draw,) = DrawnWeights().noise((32, 5), KERNEL.shape[1:]).values()
    assert (draw.kind, draw.shape) == ("normal", KERNEL.shape[1:])
