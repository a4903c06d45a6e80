"""What is compiled: many steps in one program, their noise, and the models' predictions."""

import functools

import numpy as np

from regularization.core import backend, streams
from regularization.core.backend import ops
from regularization.core.model import each_layer, logits, noise, step
from regularization.core.noise import draw, reader

# Images in a batch when predictions are counted. Few in one product would take three times as long;
# all of MNIST's parts are multiples.
EVALUATED = 5_000
NOISY = 1_000  # where every one has noise of its own


class Program:
    """What is compiled, once for all Trainers of a Team: many steps, their noise, the predictions.

    Hyperparameters that differ between replicas are inputs, a dict of arrays, and so are the
    learning rates.
    """

    def __init__(self, technique, shapes, batch_size, loss, optimizer, steps):
        """Define the functions for layers of `shapes`; a call takes `steps` steps at most."""
        self.technique, self.shapes, self.steps = technique, shapes, steps
        draws = noise(technique, batch_size, shapes)
        self.draw = self._drawing(batch_size, steps)

        @backend.compile
        def advance(arrays, rates, state, images, order, labels, drawn, steps):
            noise_of, its = reader(draws, drawn), technique.with_arrays(arrays)

            def body(i, carry):
                state, errors, losses = carry
                x = as_floats(ops.take(images, order[i], axis=0), shapes[0][1])
                drawn = noise_of(i, state[3])
                state, error, whole = step(its, state, x, labels[i], drawn, rates, loss, optimizer)
                return state, errors + error, losses + whole

            zeros = ops.zeros(order.shape[1])
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
        """Return a function from (trainer, place, images) to predictions, uint8 `[replicas, n]`.

        `images` are a batch, the one at this place, as of `in_batches`.

        The technique is at test time, or `left_on` with fresh noise for every image; or it predicts
        with the parameters that are `in_training`.
        """
        technique, drawing = self.technique, functools.cache(self._drawing)

        @backend.compile
        def predict(arrays, parameters, images, drawn, number):
            x = images[None]
            if left_on:  # every replica has noise of its own
                x = ops.repeat(x, next(iter(parameters.values())).shape[0], axis=0)
            draws = noise(technique, images.shape[0], self.shapes) if left_on else {}
            drawn = reader(draws, drawn)(0, number)
            its = technique.with_arrays(arrays)
            if not in_training:
                parameters = each_layer(its.at_test, parameters)
            z = logits(its, parameters, x, drawn)
            return ops.cast(ops.argmax(z, axis=-1), "uint8")

        def predictions(trainer, place, images):
            number, drawn = int32(streams.of_evaluation(place)), {}
            if left_on:
                drawn = drawing(len(images), 1)(trainer.arrays, trainer.seeds, number)
            found = predict(trainer.arrays, trainer.parameters, images, drawn, number)
            return ops.convert_to_numpy(found)

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


def in_batches(images, size=EVALUATED):
    """Yield images as float32 `[n, pixels]` on [0, 1], in batches and what is left."""
    for first in range(0, len(images), size):
        batch = images[first : first + size]
        batch = batch.reshape(len(batch), -1).astype("float32")
        batch *= np.float32(1 / 255)  # in place: a third of the time
        yield ops.convert_to_tensor(batch)


def int32(number):
    """Return a whole number as what a program takes."""
    return ops.convert_to_tensor(np.int32(number))
