"""Images turned and shifted, inside a compiled program."""

import math

import numpy as np

from regularization.core.backend import ops


def moved(x, degrees, down, right, shape=None):
    """Return images `[replicas, batch, pixels]` turned about their middle, then shifted.

    The others are `[replicas, batch, 1]`, shifts in pixels; `shape` is an image's height and width,
    which are equal if it is not given. Between the pixels values are interpolated linearly, and
    what comes from outside is 0. A signal, of height 1, is only shifted to the right, and goes on
    outside as it ends. Raises ValueError for pixels that fill no image of the shape.
    """
    pixels, count = x.shape[-1], math.prod(x.shape[:2])
    height, width = shape or (math.isqrt(pixels),) * 2
    if height * width != pixels:
        raise ValueError(
            f"Images of {pixels} pixels are not of {height} x {width}, so they cannot be turned. "
            "Expected as many rows as columns, or their shape."
        )
    signal = height == 1
    middles, angle = ((height - 1) / 2, (width - 1) / 2), degrees * (0 if signal else np.pi / 180)
    row, column = np.divmod(np.arange(pixels, dtype="float32"), np.float32(width))
    row, column = row - middles[0] - (0 if signal else down), column - middles[1] - right
    # From which place each pixel's value comes: of which image, row and column.
    place = [
        ops.cos(angle) * row - ops.sin(angle) * column + middles[0],
        ops.sin(angle) * row + ops.cos(angle) * column + middles[1],
    ]
    place = [ops.reshape(ops.broadcast_to(each, x.shape), (count, pixels)) for each in place]
    image = ops.broadcast_to(ops.arange(count, dtype="float32")[:, None], (count, pixels))
    stacked = ops.reshape(x, (count, height, width))
    values = ops.image.map_coordinates(
        stacked, ops.stack([image, *place]), order=1, fill_mode="nearest" if signal else "constant"
    )
    return ops.reshape(values, x.shape)
