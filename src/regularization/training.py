"""The loop: one compiled program trains all replicas of a technique, a chunk of steps a call."""

import math
import time

import numpy as np
from scipy.stats import truncnorm
from tqdm.auto import tqdm

from regularization import backend, presets, runs
from regularization.backend import ops
from regularization.techniques import Technique

CHUNK = 250  # steps a call: many enough to hide the call, few enough to hold their noise
INITIAL_STDDEV = 0.075  # truncated at two standard deviations, as in the post


def logits(technique, parameters, x, noise=None):
    """Return `f(x) @ f(kernel).T`: `[replicas, batch, pixels]` to `[replicas, batch, classes]`."""
    noise = noise or {}
    kernel = technique.weights(parameters, noise.get("weights"))
    # As an einsum this is twice as fast on a CPU as a matmul with a swapped kernel.
    return ops.einsum("rbp,rcp->rbc", technique.inputs(x, noise.get("inputs")), kernel)


def squared_error(logits, labels):
    """Return half the mean squared error of the softmax over batch and classes, per replica.

    This is the post's loss, not cross-entropy. `labels` are integers `[replicas, batch]`.
    """
    probabilities = ops.softmax(logits, axis=-1)
    targets = ops.one_hot(labels, logits.shape[-1], dtype="float32")
    return 0.5 * ops.mean((targets - probabilities) ** 2, axis=(-2, -1))


def adam(state, gradient, learning_rate):
    """Return the state after one step of Adam (Kingma and Ba, 2015, section 2's efficient form).

    `state` is (parameters, first moments, second moments, step number), dicts but for the last.
    """
    parameters, first, second, count = state
    count = count + 1
    t = ops.cast(count, "float32")
    rate = learning_rate * ops.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    first = {k: 0.9 * first[k] + 0.1 * g for k, g in gradient.items()}
    second = {k: 0.999 * second[k] + 0.001 * g**2 for k, g in gradient.items()}
    parameters = {
        k: p - rate * first[k] / (ops.sqrt(second[k]) + 1e-8) for k, p in parameters.items()
    }
    return parameters, first, second, count


def step(technique, state, x, labels, noise, learning_rate):
    """Take one step on a batch; return the new state, the squared error and the whole loss.

    `x` is float32 `[replicas, batch, pixels]` on [0, 1]; the losses are one number per replica.
    """

    def objective(parameters):
        error = squared_error(logits(technique, parameters, x, noise), labels)
        loss = error + technique.penalty(parameters)
        return ops.sum(loss), (error, loss)

    (_, (error, loss)), gradient = backend.value_and_grad(objective, state[0])
    return adam(state, gradient, learning_rate), error, loss


def noise_source(technique, seeds, first_step, x_shape, kernel_shape, steps=CHUNK):
    """Draw the noise of `steps` steps at once; return a function to one step's noise.

    A step's noise is a dict, by hook, of arrays `[replicas, *shape]`. It depends on the replica's
    own seed and the step number alone. Drawn inside the loop it would cost ten times as much.
    (`seeds` is an int32 array of the compiled program's arguments: XLA would move draws from
    constants into the loop.)
    """
    replicas = seeds.shape[0]

    def draw(distribution, shape, number):
        keys = [ops.stack([seeds[r], number]) for r in range(replicas)]
        return ops.stack([distribution(shape, key) for key in keys], axis=-2)

    def source(kind, shape):
        size = math.prod(shape)
        if kind == "rotated":  # a window that moves over one draw, by one element a step
            twice = ops.tile(draw(backend.normal, (size,), -1), (1, 2))

            def flat(i, number):
                return ops.slice(twice, (0, size - number % size), (replicas, size))
        else:
            bulk = draw(getattr(backend, kind), (steps, size), first_step)

            def flat(i, number):
                return bulk[i]

        return lambda i, number: ops.reshape(flat(i, number), (replicas, *shape))

    draws = technique.noise(x_shape, kernel_shape)
    sources = {hook: source(*draw) for hook, draw in draws.items()}
    return lambda i, number: {hook: at(i, number) for hook, at in sources.items()}


class Trainer:
    """A technique's replicas on their way: their state, their batches and the compiled chunk."""

    def __init__(self, technique, digits, seeds, learning_rate, batch_size):
        """Place the training images on the device and every replica at its start."""
        self.seeds, self.batch_size = ops.convert_to_tensor(np.array(seeds, "int32")), batch_size
        self.images, self.labels = _on_device(digits.train_images, digits.train_labels)
        self.count, pixels = self.images.shape
        self.kernel_shape = (digits.classes, pixels)
        self.parameters = technique.parameters(ops.convert_to_tensor(self._initial_kernel(seeds)))
        zeros = {name: ops.zeros_like(value) for name, value in self.parameters.items()}
        self.state = (self.parameters, zeros, zeros, ops.zeros((), "int32"))
        self.batches = [self._batches(seed) for seed in seeds]

        @backend.compile
        def chunk(state, images, labels, order, seeds, steps):
            x_shape = (batch_size, pixels)
            noise = noise_source(technique, seeds, state[3], x_shape, self.kernel_shape)

            def body(i, carry):
                state, errors, losses = carry
                x = ops.cast(ops.take(images, order[i], axis=0), "float32") / 255
                y = ops.take(labels, order[i], axis=0)
                state, error, loss = step(technique, state, x, y, noise(i, state[3]), learning_rate)
                return state, errors + error, losses + loss

            zeros = ops.zeros(seeds.shape)
            return ops.fori_loop(0, steps, body, (state, zeros, zeros))

        self._chunk = chunk

    def _initial_kernel(self, seeds):
        draws = [
            truncnorm.rvs(
                -2, 2, size=self.kernel_shape, random_state=np.random.default_rng([seed, 0])
            )
            for seed in seeds
        ]
        return (INITIAL_STDDEV * np.stack(draws)).astype("float32")

    def _batches(self, seed):
        """Yield image numbers, `[CHUNK, batch]` at a time, reshuffled every epoch."""
        rng, ahead = np.random.default_rng([seed, 1]), np.empty(0, "int32")
        while True:
            while len(ahead) < CHUNK * self.batch_size:
                ahead = np.concatenate([ahead, rng.permutation(self.count).astype("int32")])
            chunk, ahead = np.split(ahead, [CHUNK * self.batch_size])
            yield chunk.reshape(CHUNK, self.batch_size)

    def train(self, steps=CHUNK):
        """Take up to CHUNK steps; return the mean squared error and the mean loss, per replica."""
        order = np.stack([next(batches) for batches in self.batches], axis=1)
        arguments = (self.state, self.images, self.labels, ops.convert_to_tensor(order), self.seeds)
        self.state, *losses = self._chunk(*arguments, ops.convert_to_tensor(np.int32(steps)))
        self.parameters = self.state[0]
        return [ops.convert_to_numpy(loss) / steps for loss in losses]


class Examiner:
    """Counts right answers on a set of images, at test time or with the technique left on."""

    def __init__(self, technique, images, labels, classes, seeds, left_on=False, batch_size=1_000):
        """Place the images on the device; `left_on` draws fresh noise for every image."""
        starts = range(0, len(images), batch_size)
        self.batches = [
            _on_device(images[i : i + batch_size], labels[i : i + batch_size]) for i in starts
        ]
        self.count, self.seeds = len(images), ops.convert_to_tensor(np.array(seeds, "int32"))

        @backend.compile
        def right(parameters, images, labels, seeds, number):
            x = ops.cast(images, "float32")[None] / 255
            x = ops.broadcast_to(x, (seeds.shape[0], *x.shape[1:]))
            noise = {}
            if left_on:
                shapes = x.shape[1:], (classes, x.shape[-1])
                noise = noise_source(technique, seeds, number, *shapes, steps=1)(0, number)
            answers = ops.argmax(logits(technique, parameters, x, noise), axis=-1)
            return ops.sum(ops.cast(ops.equal(answers, labels), "int32"), axis=-1)

        self._right = right

    def accuracy(self, parameters):
        """Return the share of right answers, float64 `[replicas]`."""
        numbers = [ops.convert_to_tensor(np.int32(-2 - i)) for i in range(len(self.batches))]
        counts = [
            self._right(parameters, *batch, self.seeds, n)
            for batch, n in zip(self.batches, numbers, strict=True)
        ]
        return np.sum([ops.convert_to_numpy(count) for count in counts], axis=0) / self.count


def fit(
    technique, digits, preset="quick", *, steps=None, seeds=None, learning_rate=1e-4, batch_size=32
):
    """Train `technique` on `digits` from each seed, all at once, and return the `Run`.

    The preset gives `steps` and `seeds` unless they are given; `seeds` is how many, or which.
    Raises ValueError for settings that make no sense, FloatingPointError when the loss overflows.
    """
    chosen = presets.get(preset)
    steps = chosen.steps if steps is None else steps
    seeds = chosen.seeds if seeds is None else seeds
    seeds = list(range(seeds)) if _whole(seeds) else [int(seed) for seed in seeds]
    _check(technique, steps, seeds, learning_rate, batch_size, len(digits.train_images))

    settings = (digits, seeds, learning_rate, batch_size)
    trainer = Trainer(technique, *settings)
    test = (digits.test_images, digits.test_labels, digits.classes, seeds)
    examiner = Examiner(technique, *test)
    curve = {"step": [], "train_loss": [], "test_accuracy": []}
    done, seconds, errors = 0, [], []
    with tqdm(total=steps, unit="step", desc=str(technique), leave=False) as bar:
        while done < steps:
            count, start = min(CHUNK, steps - done), time.perf_counter()
            error, loss = trainer.train(count)
            seconds.append((time.perf_counter() - start) / count)
            done += count
            errors.append(error)
            _check_finite(loss, technique, seeds, done, learning_rate)
            if done <= 5_000 or done % 1_000 == 0 or done == steps:
                curve["step"].append(done)
                curve["train_loss"].append(np.mean(errors, axis=0).tolist())
                curve["test_accuracy"].append(examiner.accuracy(trainer.parameters).tolist())
                errors = []
            bar.update(count)

    train = (digits.train_images, digits.train_labels, digits.classes, seeds)
    as_published = Examiner(technique, *test, left_on=technique.left_on_in_post)

    def as_images(kernels):
        return ops.convert_to_numpy(kernels).reshape(len(seeds), digits.classes, *digits.shape)

    return runs.Run(
        technique={"name": type(technique).__name__} | technique.settings(),
        dataset=digits.name,
        preset=preset if (steps, tuple(seeds)) == chosen else "custom",
        steps=steps,
        seeds=seeds,
        batch_size=batch_size,
        learning_rate=learning_rate,
        train_accuracy=Examiner(technique, *train).accuracy(trainer.parameters).tolist(),
        test_accuracy=curve["test_accuracy"][-1],
        test_accuracy_as_published=as_published.accuracy(trainer.parameters).tolist(),
        # The first call compiles; it is left out where there is another.
        seconds_per_step=float(np.mean(seconds[1:] or seconds)) / len(seeds),
        relative_runtime=relative_runtime(technique, *settings),
        curve=curve,
        device=backend.device(),
        backend=backend.name,
        weights=as_images(technique.weights(trainer.parameters)),
        parameters={name: as_images(value) for name, value in trainer.parameters.items()},
        **runs.provenance(),
    )


def relative_runtime(technique, digits, seeds, learning_rate=1e-4, batch_size=32, pairs=5):
    """Return the time of a step relative to one without regularization.

    Both are timed in turn, chunk by chunk, in this process; the median of the pairs' ratios counts.
    """
    if type(technique) is Technique:
        return 1.0
    trainers = [
        Trainer(t, digits, seeds, learning_rate, batch_size) for t in (technique, Technique())
    ]
    seconds = []
    for _ in range(1 + pairs):
        for trainer in trainers:
            start = time.perf_counter()
            trainer.train()
            seconds.append(time.perf_counter() - start)
    with_technique, without = np.reshape(seconds, (-1, 2))[1:].T  # the first pair compiles
    return float(np.median(with_technique / without))


def _on_device(images, labels):
    """Return images as uint8 `[n, pixels]` and labels as int32 `[n]`, on the device."""
    flat = images.reshape(len(images), -1)
    return ops.convert_to_tensor(flat), ops.convert_to_tensor(labels.astype("int32"))


def _check(technique, steps, seeds, learning_rate, batch_size, images):
    """Raise ValueError, naming the setting, for the first one that makes no sense."""

    def expect(valid, setting, expected):
        if not valid:
            raise ValueError(f"fit({setting}): expected {expected}.")

    expect(isinstance(technique, Technique), f"{technique!r}", "a technique, as Dropout(rate=0.5)")
    expect(_whole(steps) and steps > 0, f"steps={steps!r}", "a whole number from 1")
    valid = seeds and all(0 <= seed < 2**31 for seed in seeds)
    expect(valid, f"seeds={seeds!r}", "how many, from 1, or a list of seeds from 0 to 2^31 - 1")
    expect(0 < learning_rate < math.inf, f"learning_rate={learning_rate!r}", "a number above 0")
    valid = _whole(batch_size) and 0 < batch_size <= images
    expect(valid, f"batch_size={batch_size!r}", f"a whole number from 1 to {images}, all images")
    for name, value in technique.settings().items():
        valid = not isinstance(value, list) or len(value) == len(seeds)
        expect(valid, f"{technique}, seeds={seeds}", f"one {name}, or one for each of the seeds")


def _check_finite(loss, technique, seeds, done, learning_rate):
    if not np.all(np.isfinite(loss)):
        replica = int(np.argmin(np.isfinite(loss)))
        raise FloatingPointError(
            f"The loss of {technique} is {loss[replica]} by step {done}, seed {seeds[replica]} "
            f"(replica {replica}), at learning rate {learning_rate}. Expected a finite number. "
            "Lower the strength or the learning rate."
        )


def _whole(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
