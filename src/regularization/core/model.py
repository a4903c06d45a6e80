"""The model, its losses and one step: layers without bias, a softmax, Adam or plain descent.

A model is a technique on layers of the given shapes, `[(classes, pixels)]` for the post's one.
A deeper model has ReLUs in between, and the technique's hooks on every layer, but for those of a
batch. What belongs to a later layer is named after it: the second layer's "kernel" is "kernel.1",
its noise "inputs.1". A layer that has twice as many outputs as the next has inputs is bilinear: in
place of a ReLU its two halves are multiplied.
"""

import numpy as np
from scipy.stats import truncnorm

from regularization.core import backend, streams
from regularization.core.backend import ops
from regularization.core.technique import per_replica

INITIAL_STDDEV = 0.075  # truncated at two standard deviations, as in the post


def initial_kernels(seed, shapes, stddev=INITIAL_STDDEV):
    """Return a seed's start, float32 of each shape: a normal truncated at two deviations."""
    rng = streams.generator(seed, streams.START)
    draws = (truncnorm.rvs(-2, 2, size=shape, random_state=rng) for shape in shapes)
    return [np.float32(stddev * draw) for draw in draws]


def named(layers):
    """Return one dict of what is named layer by layer, a list of dicts."""
    return {
        f"{name}.{layer}" if layer else name: value
        for layer, values in enumerate(layers)
        for name, value in values.items()
    }


def of_layer(values, layer):
    """Return what `named` has named after one layer."""
    return {k.partition(".")[0]: value for k, value in values.items() if _layer(k) == layer}


def each_layer(function, *parameters):
    """Return one dict of what `function` makes of each layer's part of `parameters`, dicts."""
    layers = range(depth(parameters[0]))
    return named([function(*(of_layer(each, layer) for each in parameters)) for layer in layers])


def depth(parameters):
    """Return how many layers have parameters."""
    return 1 + max(map(_layer, parameters))


def _layer(name):
    return int(name.partition(".")[2] or 0)


def noise(technique, batch_size, shapes):
    """Return what a step wants drawn: {"inputs", "weights" or "batch", and the layer: Draw}."""
    layers = [technique.noise((batch_size, shape[1]), shape) for shape in shapes]
    once = [{hook: draw for hook, draw in draws.items() if hook != "batch"} for draws in layers[1:]]
    return named([layers[0], *once])


def logits(technique, parameters, x, noise=None):
    """Return `f(x) @ f(kernel).T`, layer by layer: `[replicas, batch, pixels]` to `[..., classes]`.

    `parameters` and `noise` are dicts as `named` makes them; `x` may be `[1, batch, pixels]`, the
    same for all replicas.
    """
    for layer in range(depth(parameters)):
        drawn = of_layer(noise or {}, layer)
        kernel = technique.weights(of_layer(parameters, layer), drawn.get("weights"))
        x = activated(x, kernel.shape[-1]) if layer else x
        inputs = technique.inputs(x, drawn.get("inputs"))
        # This order of the product, swapped back, is fastest on a CPU: matmul takes twice as long.
        if inputs.shape[0] < kernel.shape[0]:
            x = ops.einsum("rcp,bp->rcb", kernel, inputs[0])  # one product for all replicas
        else:
            x = ops.einsum("rcp,rbp->rcb", kernel, inputs)
        x = ops.swapaxes(x, 1, 2)
    return x


def activated(x, width):
    """Return what a layer of `width` inputs sees of the outputs `x` of the layer before it."""
    if x.shape[-1] == width:
        return ops.relu(x)
    return x[..., :width] * x[..., width:]  # Pearce et al. (2025, equation 1)


def penalty(technique, parameters):
    """Return what the technique adds to the loss, the sum over the layers, one per replica."""
    layers = range(depth(parameters))
    return sum(technique.penalty(of_layer(parameters, layer)) for layer in layers)


def squared_error(logits, targets):
    """Return half the mean squared error of the softmax over batch and classes, per replica.

    This is the post's loss, not cross-entropy. `targets` are `[replicas, batch, classes]`.
    """
    probabilities = ops.softmax(logits, axis=-1)
    return 0.5 * ops.mean((targets - probabilities) ** 2, axis=(-2, -1))


def cross_entropy(logits, targets):
    """Return the mean negative logarithm of the probability of the targets, per replica."""
    return -ops.mean(ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1), axis=-1)


LOSSES = {"squared_error": squared_error, "cross_entropy": cross_entropy}


def adam(state, gradient, learning_rate):
    """Return the state after one step of Adam (Kingma and Ba, 2015, section 2's efficient form).

    `state` is (parameters, first moments, second moments, step number), dicts but for the last;
    the learning rate is a number or one per replica.
    """
    parameters, first, second, count = state
    count = count + 1
    t = ops.cast(count, "float32")
    rate = learning_rate * ops.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    first = {k: 0.9 * first[k] + 0.1 * g for k, g in gradient.items()}
    second = {k: 0.999 * second[k] + 0.001 * g**2 for k, g in gradient.items()}
    parameters = {
        k: p - per_replica(rate, p) * first[k] / (ops.sqrt(second[k]) + 1e-8)
        for k, p in parameters.items()
    }
    return parameters, first, second, count


def sgd(state, gradient, learning_rate):
    """Return the state after one step of plain gradient descent: of `adam`'s, but no moments move.

    On the gradient of a batch this is stochastic gradient descent (Robbins and Monro, 1951).
    """
    parameters, *moments, count = state
    parameters = {k: p - per_replica(learning_rate, p) * gradient[k] for k, p in parameters.items()}
    return parameters, *moments, count + 1


OPTIMIZERS = {"adam": adam, "sgd": sgd}


def losses(technique, parameters, x, labels, noise, loss=squared_error):
    """Return a batch's loss, and with the penalty the whole loss, one number per replica each.

    `x` is float32 `[replicas, batch, pixels]` on [0, 1], `labels` are integers `[replicas, batch]`.
    """
    drawn = noise.get("batch")
    x = technique.images(x, drawn)

    def of_data(x):
        z = logits(technique, parameters, x, noise)
        targets = ops.one_hot(labels, z.shape[-1], dtype="float32")
        return loss(z, technique.labels(targets, drawn))

    if technique.overrides("attack"):
        slope = backend.value_and_grad(lambda at: (ops.sum(of_data(at["x"])), ()), {"x": x})[1]["x"]
        x = technique.attack(x, ops.stop_gradient(slope))
    error = of_data(x)
    return error, error + penalty(technique, parameters)


def step(technique, state, x, labels, noise, learning_rate, loss=squared_error, optimizer=adam):
    """Take one step on a batch; return the new state, and what `losses` returns."""

    def objective(parameters):
        both = losses(technique, parameters, x, labels, noise, loss)
        return ops.sum(both[1]), both

    def update(before, after):
        return technique.update(before, after, learning_rate)

    (_, both), gradient = backend.value_and_grad(objective, state[0])
    after, *moments = optimizer(state, gradient, learning_rate)
    return (each_layer(update, state[0], after), *moments), *both
