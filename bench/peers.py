"""The same work, done by each peer: one layer, squared error of its softmax, Adam, batches of 32.

A peer is a function of the Work; it returns `train`, which takes a step for each row of an order
[steps, batch], and `kernel`, which returns what the steps have made of the start. What a peer
needs is imported inside it, so that a peer that is not installed can be skipped.
"""

import ctypes
import platform
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

RATE, BETA_1, BETA_2, EPSILON = 1e-4, 0.9, 0.999, 1e-8


class Work(NamedTuple):
    """Images uint8 [n, pixels], labels int32 [n], the start [classes, pixels], the order."""

    images: np.ndarray
    labels: np.ndarray
    kernel: np.ndarray
    order: np.ndarray

    def as_floats(self):
        """Return the images on [0, 1] and the one-hot labels, float32."""
        classes = len(self.kernel)
        return np.float32(self.images / np.float32(255)), np.eye(classes, dtype="float32")[
            self.labels
        ]


def ours(work, replicas=1):
    """This project's loop, with as many models side by side as asked."""
    from regularization.core.backend import ops
    from regularization.core.dataset import DataSet
    from regularization.core.settings import Settings
    from regularization.core.team import Team

    images = work.images[:, None, :]
    digits = DataSet("work", images, work.labels, *[images[:1], work.labels[:1]] * 2)
    settings = Settings(seeds=replicas, learning_rate=RATE, batch_size=work.order.shape[1])
    team = Team(settings, digits)
    return (
        lambda order: team.train(len(order)),  # the work's order is our seed 0's
        lambda: ops.convert_to_numpy(team.parameters()["kernel"])[0],
    )


def limit(work):
    """The floor under all others: one step in C (limit.c), compiled for this machine, one core.

    Raises OSError where there is no compiler.
    """
    padding = (0, 0), (0, -work.images.shape[1] % 32)  # whole vectors: what lacks is no ink
    images, w = (np.pad(array, padding) for array in (work.images, work.kernel))
    state = np.stack([w, *np.zeros((2, *w.shape), "float32")])
    given = {"BATCH": work.order.shape[1], "CLASSES": len(w), "PIXELS": w.shape[1]}
    adam = {"RATE": RATE, "BETA_1": BETA_1, "BETA_2": BETA_2, "EPSILON": EPSILON}
    given |= {name: f"{value:e}f" for name, value in adam.items()} | {"BRIGHTEST": "255.f"}
    # Scheduled before registers are shared out: else a number is read again wherever it is used.
    options = ["-O3", "-march=native", "-ffast-math", "-fschedule-insns", "-shared", "-fPIC"]
    options += ["-mprefer-vector-width=512"] * (platform.machine() in ("x86_64", "AMD64"))
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder, "limit.so"))
        command = ["cc", *options, *(f"-D{name}={value}" for name, value in given.items())]
        command += [str(Path(__file__).with_name("limit.c")), "-lm", "-o", library]
        compiled = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        if compiled.returncode:
            raise OSError(f"cc does not compile it: {compiled.stderr[-200:]}")
        step = ctypes.CDLL(library).train
    taken = 0

    def at(*arrays):
        return [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]

    def train(order):
        nonlocal taken
        order = np.ascontiguousarray(order, "int32")
        step(*at(images, work.labels, order), len(order), taken, *at(state))
        taken += len(order)

    return train, lambda: state[0, :, : work.kernel.shape[1]]


def tensorflow_1(work):
    """A session fed batch by batch, as the post did it."""
    import tensorflow.compat.v1 as tf

    images, targets = work.as_floats()
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, images.shape[1]])
        y = tf.placeholder(tf.float32, [None, targets.shape[1]])
        kernel = tf.Variable(work.kernel.T)
        loss = 0.5 * tf.reduce_mean((y - tf.nn.softmax(tf.matmul(x, kernel))) ** 2)
        step = tf.train.AdamOptimizer(RATE, BETA_1, BETA_2, EPSILON).minimize(loss)
        session = tf.Session()
        session.run(tf.global_variables_initializer())

    def train(order):
        for batch in order:
            session.run(step, {x: images[batch], y: targets[batch]})

    return train, lambda: session.run(kernel).T


def _keras_model(work, **settings):
    import keras

    classes, pixels = work.kernel.shape
    layer = keras.layers.Dense(classes, activation="softmax", use_bias=False)
    model = keras.Sequential([keras.Input((pixels,)), layer])
    layer.set_weights([work.kernel.T])
    optimizer = keras.optimizers.Adam(RATE, BETA_1, BETA_2, EPSILON)
    model.compile(optimizer, loss=lambda y, p: 0.5 * keras.ops.mean((y - p) ** 2, -1), **settings)
    return model, lambda: layer.get_weights()[0].T


def keras_fit(work):
    """Keras's fit on arrays, as it comes."""
    images, targets = work.as_floats()
    model, kernel = _keras_model(work)

    def train(order):
        rows, size = order.ravel(), order.shape[1]
        model.fit(images[rows], targets[rows], batch_size=size, shuffle=False, verbose=0)

    return train, kernel


def keras_fit_tuned(work):
    """Keras's fit on a tf.data pipeline, 250 steps an execution."""
    import tensorflow as tf

    images, targets = map(tf.constant, work.as_floats())
    model, kernel = _keras_model(work, steps_per_execution=250)

    def batches(order):
        rows = tf.data.Dataset.from_tensor_slices(order)
        gathered = rows.map(lambda row: (tf.gather(images, row), tf.gather(targets, row)))
        return gathered.prefetch(tf.data.AUTOTUNE)

    return lambda order: model.fit(batches(order), verbose=0), kernel


def tf_function(work):
    """A tf.function called for each step with a batch of NumPy."""
    import tensorflow as tf

    images, targets = work.as_floats()
    model, kernel = _keras_model(work)
    weights = model.trainable_variables

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = 0.5 * tf.reduce_mean((y - model(x)) ** 2)
        model.optimizer.apply(tape.gradient(loss, weights), weights)

    def train(order):
        for batch in order:
            step(tf.constant(images[batch]), tf.constant(targets[batch]))

    return train, kernel


def numpy_blas(work):
    """NumPy by hand, as one writes it down: the products are BLAS's."""
    images, targets = work.images, work.as_floats()[1]
    w, m, v, t = work.kernel, np.zeros_like(work.kernel), np.zeros_like(work.kernel), 0

    def train(order):
        nonlocal w, m, v, t
        for batch in order:
            t += 1
            x = images[batch] / np.float32(255)
            p = np.exp(x @ w.T)
            p /= p.sum(axis=1, keepdims=True)
            error = p * (p - targets[batch])
            error -= p * error.sum(axis=1, keepdims=True)
            gradient = (error / error.size).T @ x
            m = BETA_1 * m + (1 - BETA_1) * gradient
            v = BETA_2 * v + (1 - BETA_2) * gradient**2
            rate = RATE * np.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
            w = w - np.float32(rate) * m / (np.sqrt(v) + EPSILON)

    return train, lambda: w


def _jax_scan(work, kernel, product):
    import jax
    import jax.numpy as jnp

    def loss(w, x, y):
        return 0.5 * jnp.mean((jax.nn.one_hot(y, 10) - jax.nn.softmax(product(x, w))) ** 2)

    @jax.jit
    def scan(state, order, images, labels):
        def step(state, batch):
            w, m, v, t = state
            x = images[batch].astype("float32") / 255
            g = jax.grad(loss)(w, x, labels[batch])
            t, m, v = t + 1, BETA_1 * m + (1 - BETA_1) * g, BETA_2 * v + (1 - BETA_2) * g**2
            rate = RATE * jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
            return (w - rate * m / (jnp.sqrt(v) + EPSILON), m, v, t), None

        return jax.lax.scan(step, state, order)[0]

    w = jnp.array(kernel)
    state = w, jnp.zeros_like(w), jnp.zeros_like(w), 0
    images, labels = jnp.array(work.images), jnp.array(work.labels)

    def train(order):
        nonlocal state
        state = jax.block_until_ready(scan(state, jnp.array(order), images, labels))

    return train, lambda: np.array(state[0])


def jax_scan(work):
    """JAX's scan with the kernel as most would lay it out, [pixels, classes]."""
    train, kernel = _jax_scan(work, work.kernel.T, lambda x, w: x @ w)
    return train, lambda: kernel().T


def jax_scan_rows(work):
    """JAX's scan with the kernel laid out as ours, [classes, pixels]."""
    return _jax_scan(work, work.kernel, lambda x, w: x @ w.T)


def _torch(work, **adam):
    import torch

    images, labels = torch.tensor(work.images), torch.tensor(work.labels, dtype=torch.int64)
    kernel = torch.nn.Parameter(torch.tensor(work.kernel))
    optimizer = torch.optim.Adam([kernel], RATE, (BETA_1, BETA_2), EPSILON, **adam)

    def step(batch):
        x = images[batch].float() / 255
        y = torch.nn.functional.one_hot(labels[batch], 10)
        optimizer.zero_grad()
        (0.5 * ((y - torch.softmax(x @ kernel.T, 1)) ** 2).mean()).backward()
        optimizer.step()

    return step, lambda: kernel.detach().numpy()


def _for_each(step, order):
    import torch

    for batch in torch.tensor(order, dtype=torch.int64):
        step(batch)


def torch_eager(work):
    """PyTorch as it comes."""
    step, kernel = _torch(work)
    return lambda order: _for_each(step, order), kernel


def torch_compiled(work):
    """PyTorch with its step compiled and Adam fused."""
    import torch

    step, kernel = _torch(work, fused=True)
    compiled = torch.compile(step)
    return lambda order: _for_each(compiled, order), kernel


def sklearn_sgd(work):
    """scikit-learn's linear classifier, what one would pick: a model a class, log loss, SGD."""
    from sklearn.linear_model import SGDClassifier

    images, classes = work.as_floats()[0], np.arange(len(work.kernel))
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, shuffle=False)

    def train(order):
        rows = order.ravel()
        model.partial_fit(images[rows], work.labels[rows], classes)

    return train, lambda: model.coef_


class Peer(NamedTuple):
    """A peer's name in tables, its function, its package, whether it takes exactly our steps."""

    title: str
    start: callable
    package: str
    same_work: bool = True


FLOOR = "C, one fused step compiled for this machine"
PEERS = [
    Peer(FLOOR, limit, "numpy"),
    Peer("TensorFlow 1 session with feed_dict (2016)", tensorflow_1, "tensorflow"),
    Peer("Keras fit, default", keras_fit, "tensorflow"),
    Peer("Keras fit, tf.data and 250 steps an execution", keras_fit_tuned, "tensorflow"),
    Peer("tf.function, a call a step", tf_function, "tensorflow"),
    Peer("NumPy with BLAS, by hand", numpy_blas, "numpy"),
    Peer("JAX scan, kernel [pixels, classes]", jax_scan, "jax"),
    Peer("JAX scan, kernel [classes, pixels]", jax_scan_rows, "jax"),
    Peer("PyTorch, eager", torch_eager, "torch"),
    Peer("PyTorch, compiled", torch_compiled, "torch"),
    Peer(
        "scikit-learn SGDClassifier (other loss, plain SGD)",
        sklearn_sgd,
        "sklearn",
        same_work=False,
    ),
]
