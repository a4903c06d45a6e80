"""The noise of any step, from a seed and the step's number alone: drawn in bulk, read step by step.

Threefry-2x32 with 20 rounds (Salmon et al., 2011, the generator behind JAX's), written as plain
array operations. So it draws for all replicas at once, the same numbers on either backend, however
the steps are divided into calls. `draw` and `reader` belong into two compiled programs: in one, XLA
draws a number again wherever it is read.
"""

import math

import numpy as np

from regularization.core import streams
from regularization.core.backend import ops

WAYS = 4  # a block of Threefry is 64 bits: four draws of 16
BINS = 128  # places in the table of a beta distribution


def threefry(key, counter):
    """Return Threefry-2x32-20 of a key and a counter, each a pair of uint32 arrays, as a pair."""
    x, y = counter
    keys = [*key, ops.bitwise_xor(ops.bitwise_xor(*key), _uint32(0x1BD11BDA))]
    x, y = x + keys[0], y + keys[1]
    for injection in range(1, 6):
        for rotation in ((17, 29, 16, 24), (13, 15, 26, 6))[injection % 2]:
            x = x + y
            left = ops.left_shift(y, _uint32(rotation))
            y = ops.bitwise_or(left, ops.right_shift(y, _uint32(32 - rotation)))
            y = ops.bitwise_xor(x, y)
        x = x + keys[injection % 3]
        y = y + keys[(injection + 1) % 3] + _uint32(injection)
    return x, y


def draw(draws, seeds, first_step, steps):
    """Return what `steps` steps want drawn, by hook, for `reader` to read.

    `draws` is a technique's dict of Draws; `seeds` an int32 array, one a replica.
    """
    return {
        hook: _KINDS[what.kind][0](what, (seeds, number), first_step, steps)
        for number, (hook, what) in enumerate(sorted(draws.items()))
    }


def reader(draws, drawn):
    """Return a function from (place in the bulk, step number) to {hook: [replicas, *shape]}."""
    flat = {hook: _KINDS[what.kind][1](what, drawn[hook]) for hook, what in draws.items()}

    def read(place, step):
        return {
            hook: ops.reshape(at(place, step), (-1, *draws[hook].shape))
            for hook, at in flat.items()
        }

    return read


def bytes_per_step(draws):
    """Return how much memory one replica's noise of one step takes once it is spread out."""
    size = {"bernoulli": 1, "normal": 4, "uniform": 4, "beta": 4, "rotated": 0}
    return sum(size[what.kind] * math.prod(what.shape) for what in draws.values())


def _blocks(key, first_step, steps, size):
    """Return `size` blocks for each step and replica: a pair, uint32 `[steps, replicas, size]`."""
    seeds, hook = key
    key = _uint32(seeds)[None, :, None], _uint32(hook)
    step = first_step + ops.arange(steps, dtype="int32")
    return threefry(key, (_uint32(step)[:, None, None], _uint32(ops.arange(size, dtype="int32"))))


def _bernoulli(what, key, first_step, steps):
    """Four draws of 16 bits a block, a bit of a byte each: uint8 `[steps, replicas, size / 4]`."""
    probability = ops.convert_to_tensor(what.parameter, "float32")
    threshold = ops.reshape(ops.cast(ops.round(probability * 2**16), "int32"), (-1, 1))
    blocks = _blocks(key, first_step, steps, -(-math.prod(what.shape) // WAYS))
    words = [f(word) for word in blocks for f in (_low, _high)]
    bits = [ops.where(ops.cast(w, "int32") < threshold, 1 << k, 0) for k, w in enumerate(words)]
    return ops.cast(sum(bits), "uint8")


def _read_bernoulli(what, packed):
    bits = [ops.bitwise_and(packed, ops.cast(1 << k, "uint8")) > 0 for k in range(WAYS)]
    flags = ops.concatenate(bits, axis=-1)[..., : math.prod(what.shape)]
    return lambda place, step: flags[place]


def _uniform(what, key, first_step, steps):
    """Two draws a block, between 0 and 1: float32 `[steps, replicas, size]`."""
    size = math.prod(what.shape)
    blocks = ops.concatenate(_blocks(key, first_step, steps, -(-size // 2)), axis=-1)[..., :size]
    # The upper 23 bits and a half are what a float32 holds; the half keeps off both ends.
    return (ops.cast(ops.right_shift(blocks, _uint32(9)), "float32") + 0.5) / 2**23


def _normal(what, key, first_step, steps):
    """By the inverse of the distribution function: float32 `[steps, replicas, size]`.

    The erfinv is compiled to a polynomial, the cosines of Box and Muller would be calls.
    """
    return np.float32(np.sqrt(2)) * ops.erfinv(2 * _uniform(what, key, first_step, steps) - 1)


def _beta(what, key, first_step, steps):
    """Symmetric, by the inverse of the distribution function from a table: float32, as uniform.

    The lower half of the draws, `s^p / 2` for `s` from 0 to 1, has a density in `s` that is finite
    and smooth where `p = max(1, 1 / a)`; between the table's places it is taken as constant.
    """
    a = ops.reshape(ops.convert_to_tensor(what.parameter, "float32"), (-1, 1, 1))
    s, p = (np.arange(BINS, dtype="float32") + 0.5) / BINS, ops.maximum(1.0, 1 / a)
    density = (p * a - 1) * np.log(s) + (a - 1) * ops.log1p(-(s**p) / 2)
    heights = ops.softmax(density, axis=-1)
    below = ops.cumsum(heights, axis=-1) - heights
    uniform = _uniform(what, key, first_step, steps)
    folded = 2 * ops.minimum(uniform, 1 - uniform)[..., None]
    s = ops.sum(ops.clip((folded - below) / heights, 0, 1), axis=-1) / BINS
    lower = s ** p[..., 0] / 2
    return ops.where(uniform < 0.5, lower, 1 - lower)


def _read(what, drawn):
    return lambda place, step: drawn[place]


def _rotated(what, key, first_step, steps):
    """One normal draw for the whole run, twice in a row: float32 `[replicas, 2 * size]`."""
    return ops.tile(_normal(what, key, streams.ONCE, 1)[0], (1, 2))


def _read_rotated(what, twice):
    """Read through a window that moves by one element a step."""
    replicas, size = twice.shape[0], math.prod(what.shape)
    return lambda place, step: ops.slice(twice, (0, size - step % size), (replicas, size))


_KINDS = {
    "bernoulli": (_bernoulli, _read_bernoulli),
    "uniform": (_uniform, _read),
    "normal": (_normal, _read),
    "beta": (_beta, _read),
    "rotated": (_rotated, _read_rotated),
}


def _uint32(value):
    return ops.cast(value, "uint32")


def _low(word):
    return ops.bitwise_and(word, _uint32(0xFFFF))


def _high(word):
    return ops.right_shift(word, _uint32(16))
