"""The techniques: each one changes a single line of the same tiny model.

A technique is four hooks on a softmax layer without bias, `softmax(f(x) @ f(kernel).T)`, and what
it does not override stays as it is. Hooks are pure functions of arrays, written in `keras.ops`.
Every array has a leading axis of replicas, models that train side by side: kernels are
`[replicas, classes, pixels]`, batches `[replicas, batch, pixels]`. A hyperparameter is a number
or one number per replica. Noise is an input: the loop draws it, and at test time it is None.
"""

from copy import copy
from dataclasses import dataclass, fields, replace
from typing import ClassVar, NamedTuple

import numpy as np

from regularization.backend import ops, total


class Draw(NamedTuple):
    """What a hook wants drawn at each step and for each replica.

    `kind` is "bernoulli" (True with `probability`, a number or one per replica, to 16 bits),
    "normal" (standard normal), or "rotated" (one normal draw, rotated by one element a step).
    """

    kind: str
    shape: tuple
    probability: float = 0.5


@dataclass(frozen=True)
class Technique:
    """No regularization: every hook at its default, which changes nothing."""

    left_on_in_post: ClassVar[bool] = False  # whether the post measured with the noise still on

    def parameters(self, kernel):
        """Return what is trained, a dict of arrays, from the initial `kernel`."""
        return {"kernel": kernel}

    def weights(self, parameters, noise=None):
        """Return the kernel `[replicas, classes, pixels]` that the inputs are multiplied with."""
        return parameters["kernel"]

    def inputs(self, x, noise=None):
        """Return the inputs `[replicas, batch, pixels]` that the layer sees."""
        return x

    def penalty(self, parameters):
        """Return what is added to the loss, one number per replica."""
        return 0.0

    def noise(self, x_shape, kernel_shape):
        """Return the draws of one step and replica, by hook: {"inputs" or "weights": Draw}."""
        return {}

    def settings(self):
        """Return the hyperparameters by name, numbers or lists of numbers."""
        return {
            field.name: np.asarray(getattr(self, field.name)).tolist() for field in fields(self)
        }

    def arrays(self):
        """Return the hyperparameters that have a number for each replica, float32 `[replicas]`."""
        values = {field.name: np.float32(getattr(self, field.name)) for field in fields(self)}
        return {name: value for name, value in values.items() if value.ndim}

    def with_arrays(self, arrays):
        """Return the technique with `arrays` as its own; inside a compiled program, its inputs."""
        changed = copy(self)
        for name, value in arrays.items():
            object.__setattr__(changed, name, value)
        return changed

    def of_replicas(self, chosen):
        """Return the technique of some replicas: arrays of hyperparameters are cut to them."""
        return replace(self, **{k: np.asarray(getattr(self, k))[chosen] for k in self.arrays()})

    def __str__(self):
        """Return the technique as it is written: `Dropout(rate=0.5)`."""
        values = (f"{name}={value}" for name, value in self.settings().items())
        return f"{type(self).__name__}({', '.join(values)})"


def _check(technique, name, valid, expected):
    value = np.asarray(getattr(technique, name))
    if value.ndim > 1 or value.dtype.kind not in "iuf" or not np.all(valid(value)):
        raise ValueError(
            f"{type(technique).__name__}({name}={getattr(technique, name)!r}): {name} should be "
            f"{expected}, or an array with one such number per replica. Give a value in that range."
        )
    if value.ndim:  # a list, for example
        object.__setattr__(technique, name, value)


def _check_not_negative(technique, name):
    _check(technique, name, lambda value: value >= 0, "a number of at least 0")


def _check_positive(technique, name, expected="a number above 0"):
    _check(technique, name, lambda value: value > 0, expected)


def _per_replica(value, x):
    """Shape a number, or one number per replica, so that it broadcasts against `x`."""
    if np.ndim(value) == 0:
        return np.float32(value)
    return ops.reshape(ops.convert_to_tensor(value, "float32"), (-1,) + (1,) * (len(x.shape) - 1))


@dataclass(frozen=True)
class Dropout(Technique):
    """Zero each input pixel with probability `rate`, divide the others by `1 - rate`.

    Srivastava et al. (2014), in the inverted form that keeps the expected input unchanged.
    """

    rate: float = 0.5
    left_on_in_post: ClassVar[bool] = True

    def __post_init__(self):
        """Refuse a rate outside [0, 1)."""
        _check(self, "rate", lambda rate: (rate >= 0) & (rate < 1), "a number in [0, 1)")

    def noise(self, x_shape, kernel_shape):
        """Which pixels of the batch to keep."""
        return {"inputs": Draw("bernoulli", x_shape, 1 - self.rate)}

    def inputs(self, x, noise=None):
        """Return `x`, what is dropped at zero and what is kept scaled up; without noise, `x`."""
        if noise is None:
            return x
        return ops.where(noise, x * (1 / (1 - _per_replica(self.rate, x))), 0.0)


@dataclass(frozen=True)
class GaussianWeights(Technique):
    """The post's own idea: a mean and a width for every weight, both trained.

    The weight is *not* drawn from a Gaussian. It is the value, at a noise `n`, of the function
    `exp(-((n - mu) / sigma)^2 / (2 sigma^2)) / (sqrt(2 pi) sigma)`, where sigma = exp(log_sigma):
    a density but for the sigma^4 in its exponent. At test time n = 0. In the post `n` is one
    standard normal draw, scaled by `noise_scale` and rotated by one element at each step.
    """

    noise_scale: float = 0.5

    def __post_init__(self):
        """Refuse a negative scale."""
        _check_not_negative(self, "noise_scale")

    def parameters(self, kernel):
        """Mean and log of the width, both from the same initial values."""
        return {"mu": kernel, "log_sigma": kernel}

    def noise(self, x_shape, kernel_shape):
        """One draw of the kernel's size, kept for the whole run and rotated at each step."""
        return {"weights": Draw("rotated", kernel_shape)}

    def weights(self, parameters, noise=None):
        """Return the function's value at the scaled noise, `[replicas, classes, pixels]`."""
        # In products with 1 / sigma: quotients take a sixth longer.
        mu, inverse_sigma = parameters["mu"], ops.exp(-parameters["log_sigma"])
        n = 0.0 if noise is None else _per_replica(self.noise_scale, mu) * noise
        peak = inverse_sigma * (1 / np.sqrt(2 * np.pi))
        return peak * ops.exp(-0.5 * ((n - mu) * inverse_sigma**2) ** 2)


@dataclass(frozen=True)
class DensityWeights(GaussianWeights):
    """The post's Gaussian weights with a true density: the exponent divides by sigma squared."""

    def weights(self, parameters, noise=None):
        """Return the normal density's value at the scaled noise."""
        mu, inverse_sigma = parameters["mu"], ops.exp(-parameters["log_sigma"])
        n = 0.0 if noise is None else _per_replica(self.noise_scale, mu) * noise
        peak = inverse_sigma * (1 / np.sqrt(2 * np.pi))
        return peak * ops.exp(-0.5 * ((n - mu) * inverse_sigma) ** 2)


@dataclass(frozen=True)
class DrawnWeights(GaussianWeights):
    """Weights really drawn, `mu + noise_scale * sigma * n`, with `n` standard normal and fresh.

    The reparameterization of Kingma and Welling (2014), as in Blundell et al. (2015, section 3.2)
    but without a prior: the loss is the only reason for a width. At test time the weight is mu.
    """

    def noise(self, x_shape, kernel_shape):
        """A fresh draw of the kernel's size at each step."""
        return {"weights": Draw("normal", kernel_shape)}

    def weights(self, parameters, noise=None):
        """Return a draw of the weights, or without noise their means."""
        if noise is None:
            return parameters["mu"]
        width = _per_replica(self.noise_scale, noise) * ops.exp(parameters["log_sigma"])
        return parameters["mu"] + width * noise


@dataclass(frozen=True)
class VariationalWeights(DrawnWeights):
    """Drawn weights with a normal prior: mean-field variational inference.

    With cross-entropy the loss becomes the negative evidence lower bound, divided by the number of
    training `images`: Graves (2011, equation 5), Blundell et al. (2015, equation 2), with the
    divergence in closed form. `prior` is the prior's standard deviation.
    """

    noise_scale: float = 1.0
    prior: float = 1.0
    images: int = 55_000
    initial_log_sigma: ClassVar[float] = -3.0

    def __post_init__(self):
        """Refuse a width or a number of images that is not above zero."""
        super().__post_init__()
        _check_positive(self, "prior")
        _check_positive(self, "images", "the number of training images")

    def parameters(self, kernel):
        """The means from the initial values, the widths narrow, so that learning gets through."""
        return {"mu": kernel, "log_sigma": ops.full_like(kernel, self.initial_log_sigma)}

    def penalty(self, parameters):
        """The divergence of the weights' distribution from the prior, per training image."""
        mu, log_sigma = parameters["mu"], parameters["log_sigma"]
        prior = _per_replica(self.prior, mu)
        squares = (ops.exp(2 * log_sigma) + mu**2) / (2 * prior**2)
        divergence = total(squares - log_sigma + np.log(prior) - 0.5)[:, 0, 0]
        return divergence / _per_replica(self.images, divergence)


@dataclass(frozen=True)
class L2(Technique):
    """Add `strength / 2` times the sum of squared weights to the loss (mind the half)."""

    strength: float = 1e-2

    def __post_init__(self):
        """Refuse a negative strength."""
        _check_not_negative(self, "strength")

    def penalty(self, parameters):
        """Half the squared Frobenius norm, times the strength."""
        half_squares = 0.5 * total(parameters["kernel"] ** 2)[:, 0, 0]
        return _per_replica(self.strength, half_squares) * half_squares


@dataclass(frozen=True)
class WeightNormalization(Technique):
    """Divide the kernel by its Frobenius norm: the whole matrix, at `norm`, with no gain.

    At norm 1 this is what the post calls weight normalization. Salimans and Kingma (2016) normalize
    each class's weights and train a gain beside them.
    """

    norm: float = 1.0

    def __post_init__(self):
        """Refuse a norm that is not above zero."""
        _check_positive(self, "norm")

    def weights(self, parameters, noise=None):
        """Return the kernel at `norm` (the floor under the square is TensorFlow's, 1e-12)."""
        kernel = parameters["kernel"]
        scale = _per_replica(self.norm, kernel) * ops.rsqrt(ops.maximum(total(kernel**2), 1e-12))
        return kernel * scale


@dataclass(frozen=True)
class WeightNormalizationWithGain(Technique):
    """Weight normalization as the name is used today: length and direction learned apart.

    Salimans and Kingma (2016), equation 2: `w = g v / |v|` for each class, gain and direction both
    trained. The gain starts at the length of the start, so that it changes nothing at first.
    """

    def parameters(self, kernel):
        """A direction for each class, and a gain `[replicas, classes, 1]`."""
        return {"direction": kernel, "gain": ops.sqrt(ops.sum(kernel**2, -1, keepdims=True))}

    def weights(self, parameters, noise=None):
        """Return the directions at length 1, times their gains."""
        direction = parameters["direction"]
        length = ops.sqrt(ops.sum(direction**2, -1, keepdims=True))
        return parameters["gain"] * (direction / length)


@dataclass(frozen=True)
class L1(Technique):
    """Add `strength` times the sum of the weights' sizes to the loss (Tibshirani, 1996)."""

    strength: float = 1e-4

    def __post_init__(self):
        """Refuse a negative strength."""
        _check_not_negative(self, "strength")

    def penalty(self, parameters):
        """The sum of the weights' sizes, times the strength."""
        sizes = total(ops.abs(parameters["kernel"]))[:, 0, 0]
        return _per_replica(self.strength, sizes) * sizes


@dataclass(frozen=True)
class InputNoise(Technique):
    """Add normal noise of standard deviation `scale` to every pixel (Bishop, 1995)."""

    scale: float = 0.1

    def __post_init__(self):
        """Refuse a negative scale."""
        _check_not_negative(self, "scale")

    def noise(self, x_shape, kernel_shape):
        """A fresh draw of the batch's size at each step."""
        return {"inputs": Draw("normal", x_shape)}

    def inputs(self, x, noise=None):
        """Return `x` with the noise on it; without noise, `x`."""
        return x if noise is None else x + _per_replica(self.scale, x) * noise
