"""Images turned and shifted, inside a compiled program."""

import math

import numpy as np

from regularization.core.backend import ops


def moved(x, degrees, down, right):
    """Return square images `[replicas, batch, pixels]` turned about their middle, then shifted.

    The others are `[replicas, batch, 1]`, shifts in pixels. Between the pixels values are
    interpolated linearly, and what comes from outside is 0. Raises ValueError for images that are
    not square.
    """
    side, count = math.isqrt(x.shape[-1]), math.prod(x.shape[:2])
    if side**2 != x.shape[-1]:
        raise ValueError(
            f"Images of {x.shape[-1]} pixels are not square: they cannot be turned. Expected as "
            "many rows as columns. Pad the images first."
        )
    middle, angle = (side - 1) / 2, degrees * (np.pi / 180)
    row, column = np.divmod(np.arange(side**2, dtype="float32"), np.float32(side))
    row, column = row - middle - down, column - middle - right
    # From which place each pixel's value comes: of which image, row and column.
    place = [
        ops.cos(angle) * row - ops.sin(angle) * column + middle,
        ops.sin(angle) * row + ops.cos(angle) * column + middle,
    ]
    place = [ops.reshape(each, (count, side**2)) for each in place]
    image = ops.broadcast_to(ops.arange(count, dtype="float32")[:, None], (count, side**2))
    stacked = ops.reshape(x, (count, side, side))
    values = ops.image.map_coordinates(
        stacked, ops.stack([image, *place]), order=1, fill_mode="constant"
    )
    return ops.reshape(values, x.shape)
