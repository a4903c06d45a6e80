"""What is compiled: many steps in one program, their noise, and the models' predictions."""

import functools
import math
from itertools import pairwise

import numpy as np

from regularization.core import backend, streams
from regularization.core.backend import ops
from regularization.core.model import each_layer, logits, noise, step
from regularization.core.noise import draw, reader

EVALUATED = 1_000  # images in one product when predictions are counted: a core's cache holds them
BLOCKS = 5  # such products in one call, at most
EVALUATED_NUMBERS = 2**24  # all replicas' outputs and noise in one product, at most


class Program:
    """What is compiled, once for all Trainers of a Team: many steps, their noise, the predictions.

    Hyperparameters that differ between replicas are inputs, a dict of arrays, and so are the
    learning rates.
    """

    def __init__(self, technique, shapes, batch_size, loss, optimizer, steps):
        """Define the functions for layers of `shapes`; a call takes `steps` steps at most.

        On an accelerator a program is compiled for each number of steps: of a loop that is not
        `counted` the host is asked after each step whether to go on. A processor knows by itself,
        and compiles as long as it takes ten thousand steps.
        """
        self.technique, self.shapes, self.steps = technique, shapes, steps
        self.counted = backend.device() != "CPU"
        draws = noise(technique, batch_size, shapes)
        own = any(map(technique.overrides, ("images", "attack")))  # each model's batch is its own
        self.draw = self._drawing(batch_size, steps)

        @backend.compile
        def advance(arrays, rates, state, images, order, labels, which, drawn, steps):
            noise_of, its = reader(draws, drawn), technique.with_arrays(arrays)
            # A batch that all models share is gathered once, and multiplied with all at once.
            spread = order.shape[1] < which.shape[0] and (own or order.shape[1] > 1)

            def body(i, carry):
                state, errors, losses = carry
                chosen, y = order[i], labels[i]
                if spread:
                    chosen, y = (ops.take(each, which, axis=0) for each in (chosen, y))
                x = as_floats(ops.take(images, chosen, axis=0), shapes[0][1])
                drawn = noise_of(i, state[3])
                state, error, whole = step(its, state, x, y, drawn, rates, loss, optimizer)
                return state, errors + error, losses + whole

            zeros, steps = ops.zeros_like(rates), order.shape[0] if self.counted else steps
            state, errors, losses = ops.fori_loop(0, steps, body, (state, zeros, zeros))
            # A gradient whose square overflows would stop Adam without a word.
            finite = [
                ops.all(ops.isfinite(v), axis=tuple(range(1, len(v.shape))))
                for v in state[2].values()
            ]
            return state, errors, ops.where(ops.all(ops.stack(finite), axis=0), losses, np.inf)

        self.advance = advance

    def _drawing(self, batch_size, steps):
        """Return the compiled draw of so many steps' noise: (arrays, seeds, first step) to it."""

        @backend.compile
        def drawn(arrays, seeds, first_step):
            draws = noise(self.technique.with_arrays(arrays), batch_size, self.shapes)
            return draw(draws, seeds, first_step, steps)

        return drawn if noise(self.technique, batch_size, self.shapes) else lambda *_: {}

    def evaluation(self, left_on=False, in_training=False):
        """Return a function from (arrays, seeds, parameters, place, images) to predictions.

        They are uint8 `[replicas, n]`; `images` are the batch at this place, as of `in_batches`.
        The technique is at test time, or `left_on` with fresh noise for every image of a batch of
        one block; or it predicts with the parameters that are `in_training`.
        """
        technique, drawing = self.technique, functools.cache(self._drawing)

        @backend.compile
        def predict(arrays, parameters, images, drawn, number):
            blocks, _, count = images.shape
            replicas = next(iter(parameters.values())).shape[0]
            draws = noise(technique, count, self.shapes) if left_on else {}
            drawn, its = reader(draws, drawn)(0, number), technique.with_arrays(arrays)
            if not in_training:
                parameters = each_layer(its.at_test, parameters)

            def body(block, found):
                x = ops.transpose(ops.cast(images[block], "float32") * (1 / 255))[None]
                if left_on:  # every replica has noise of its own
                    x = ops.repeat(x, replicas, axis=0)
                said = ops.argmax(logits(its, parameters, x, drawn), axis=-1)
                return ops.slice_update(found, (block, 0, 0), ops.cast(said, "uint8")[None])

            found = ops.zeros((blocks, replicas, count), "uint8")
            return ops.fori_loop(0, blocks, body, found)

        def predictions(arrays, seeds, parameters, place, images):
            count, replicas = images.shape[-1], seeds.shape[0]
            draws = noise(technique, count, self.shapes).values() if left_on else ()
            numbers = count * sum(outputs for outputs, _ in self.shapes)  # of a replica
            numbers += sum(math.prod(draw.shape) for draw in draws)
            if replicas > 1 and replicas * numbers > EVALUATED_NUMBERS:
                middle = replicas // 2
                halves = [
                    ({name: v[part] for name, v in arrays.items()}, seeds[part])
                    + ({name: v[part] for name, v in parameters.items()}, place, images)
                    for part in (slice(middle), slice(middle, None))
                ]
                return np.concatenate([predictions(*half) for half in halves])
            number = int32(streams.of_evaluation(place))
            drawn = drawing(count, 1)(arrays, seeds, number) if left_on else {}
            found = ops.convert_to_numpy(predict(arrays, parameters, images, drawn, number))
            return np.concatenate(found, axis=1)

        return predictions


def on_device(images):
    """Return images as int32 `[n, words]`, four pixels a word.

    A batch is gathered a word at a time: by single pixels it takes a third longer.
    """
    flat = images.reshape(len(images), -1)
    return ops.convert_to_tensor(np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).view("int32"))


def as_floats(words, pixels):
    """Return images `[..., words]` from `on_device` as float32 `[..., pixels]` on [0, 1]."""
    return ops.cast(ops.view(words, "uint8")[..., :pixels], "float32") * (1 / 255)


def in_batches(images, blocks=BLOCKS):
    """Yield images as uint8 `[blocks, pixels, n]`, in batches of `blocks` at most and what is left.

    Pixels come first, as the product wants them: else it would turn them round, each time.
    """
    whole = len(images) - len(images) % EVALUATED
    firsts = [*range(0, whole, blocks * EVALUATED), whole, len(images)]
    for first, end in pairwise(firsts):
        if first < end:
            flat = images[first:end].reshape(-1, min(EVALUATED, end - first), images[0].size)
            yield ops.convert_to_tensor(np.ascontiguousarray(flat.swapaxes(1, 2)))


def int32(number):
    """Return a whole number as what a program takes."""
    return ops.convert_to_tensor(np.int32(number))
