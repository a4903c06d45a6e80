"""The only module that knows TensorFlow from JAX.

`KERAS_BACKEND` chooses between them before the first import. Everything else in the package is
written in `keras.ops` and in the few functions below, so it runs on either, unchanged. Neither is
imported before it computes something: a page that only shows what was trained need not wait.
"""

import contextlib
import functools
import math
import os
import sys

NAMES = ("tensorflow", "jax")

name = os.environ["KERAS_BACKEND"]
if name not in NAMES:
    raise ValueError(
        f"KERAS_BACKEND={name!r} is not a backend here. Expected one of {', '.join(NAMES)}. "
        "Set it before the first import, or build with `make book BACKEND=jax`."
    )


@contextlib.contextmanager
def _silenced():
    """Drop what native code writes to stderr: TensorFlow logs on import whatever its settings."""
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@contextlib.contextmanager
def _without(module):
    """Keep others from importing an optional module, unless it is there already."""
    sys.modules.setdefault(module, None)
    try:
        yield
    finally:
        if sys.modules[module] is None:
            del sys.modules[module]


@functools.cache
def _tensorflow():
    with _silenced(), _without("jax"):  # its converters would import JAX, which takes its time
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # each run traces its own program, which it would warn of
    return tf


@functools.cache
def _keras():
    if name == "tensorflow":
        _tensorflow()
    with _silenced():
        import keras
    return keras


class _Ops:
    """`keras.ops`, imported when the first of them is asked for."""

    def __getattr__(self, name):
        return getattr(_keras().ops, name)


ops = _Ops()

if name == "tensorflow":

    def compile(function):
        """Return `function` of arrays, compiled by XLA as one program."""
        return _tensorflow().function(function, jit_compile=True, autograph=False)

    def value_and_grad(function, parameters):
        """Return what `function(parameters)` returns, (value, more), and the value's gradient."""
        tf = _tensorflow()
        # Two parameters may start as one and the same array; a tape tells them apart as copies.
        parameters = {name: tf.identity(value) for name, value in parameters.items()}
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            value, more = function(parameters)
        # What the loss does not depend on, an average for example, has the gradient zero.
        zero = tf.UnconnectedGradients.ZERO
        return (value, more), tape.gradient(value, parameters, unconnected_gradients=zero)

    def total(x):
        """Return the sum over the last two axes, in a shape that broadcasts against `x`."""
        tf = _tensorflow()
        # Products with ones: this XLA vectorizes neither a plain sum nor its gradient, and weight
        # normalization's step would take a third longer.
        ones = tf.ones((x.shape[-1], 1))
        return tf.reduce_sum(x, axis=-2, keepdims=True) @ ones @ tf.transpose(ones)

    def device():
        """Return what the arrays live on, in words: "CPU" or the accelerator's name."""
        config = _tensorflow().config
        gpus = config.list_physical_devices("GPU")
        return config.experimental.get_device_details(gpus[0])["device_name"] if gpus else "CPU"

else:

    def compile(function):
        """Return `function` of arrays, compiled by XLA as one program."""
        import jax

        return jax.jit(function)

    def value_and_grad(function, parameters):
        """Return what `function(parameters)` returns, (value, more), and the value's gradient."""
        import jax

        return jax.value_and_grad(function, has_aux=True)(parameters)

    def total(x):
        """Return the sum over the last two axes, in a shape that broadcasts against `x`."""
        return x.sum((-2, -1), keepdims=True)

    def device():
        """Return what the arrays live on, in words: "CPU" or the accelerator's name."""
        import jax

        first = jax.devices()[0]
        return "CPU" if first.platform == "cpu" else first.device_kind


def cores():
    """Return how many processor cores this process may use."""
    return len(getattr(os, "sched_getaffinity", lambda process: range(os.cpu_count()))(0))


def division(replicas, groups=1):
    """Return into how many programs to divide the replicas, and how many of them to run at once.

    On a CPU a program keeps to one core: two gain nothing within so small a step, but nearly double
    what two programs get done. Replicas that do not come out even get one program more, which take
    turns on the cores. With more than eight replicas a program would outgrow the core's cache. Some
    more programs are taken if they divide the replicas evenly: parts of one size are compiled once.
    Of several `groups` of replicas, all as large, each is divided by itself. An accelerator takes
    all replicas in one program.
    """
    if device() != "CPU":
        return 1, 1
    at_once, size = min(cores(), replicas), replicas // groups
    least = max(at_once + (replicas % at_once > 0), math.ceil(replicas / 8))
    least = min(math.ceil(least / groups), size)
    even = (count for count in range(least, 2 * least) if size % count == 0)
    return groups * next(even, least), at_once
