"""The loop: compiled programs, one a core, train all replicas, up to a thousand steps a call."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np
from scipy.stats import truncnorm
from tqdm.auto import tqdm

from regularization import backend, presets, runs
from regularization.backend import ops
from regularization.noise import bytes_per_step, draw, reader
from regularization.techniques import Technique

EARLY, LATE = 250, 1_000  # steps between two examinations, and in a call at most
NOISE_BYTES = 2**29  # a call's noise at most: with very many replicas a call takes fewer steps
INITIAL_STDDEV = 0.075  # truncated at two standard deviations, as in the post


def logits(technique, parameters, x, noise=None):
    """Return `f(x) @ f(kernel).T`: `[replicas, batch, pixels]` to `[replicas, batch, classes]`."""
    noise = noise or {}
    kernel = technique.weights(parameters, noise.get("weights"))
    # This order of the product, swapped back, is the fastest on a CPU: matmul takes twice as long.
    product = ops.einsum("rcp,rbp->rcb", kernel, technique.inputs(x, noise.get("inputs")))
    return ops.swapaxes(product, 1, 2)


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


def initial_kernel(seed, shape):
    """Return a seed's start, float32 of `shape`: a normal truncated at two standard deviations."""
    rng = np.random.default_rng([seed, 0])
    return np.float32(INITIAL_STDDEV * truncnorm.rvs(-2, 2, size=shape, random_state=rng))


def image_order(seed, count, batch_size):
    """Return a function to the next steps' image numbers, int32 `[steps, batch]`.

    The `count` images are reshuffled every epoch; a batch may span two.
    """
    rng, ahead = np.random.default_rng([seed, 1]), np.empty(0, "int32")

    def take(steps):
        nonlocal ahead
        while len(ahead) < steps * batch_size:
            ahead = np.concatenate([ahead, rng.permutation(count).astype("int32")])
        taken, ahead = np.split(ahead, [steps * batch_size])
        return taken.reshape(steps, batch_size)

    return take


class Trainer:
    """Replicas on their way, in one compiled program: their state, their batches, their noise."""

    def __init__(
        self, technique, examples, kernel_shape, seeds, learning_rate, batch_size, longest=LATE
    ):
        """Put every replica at its start; `examples` are `on_device`, a call `longest` steps."""
        self.technique, self.examples = technique, examples
        self._free = Lock()
        self.seeds = ops.convert_to_tensor(np.array(seeds, "int32"))
        self.kernel_shape, pixels = kernel_shape, kernel_shape[1]
        kernel = np.stack([initial_kernel(seed, self.kernel_shape) for seed in seeds])
        self.parameters = technique.parameters(ops.convert_to_tensor(kernel))
        zeros = {name: ops.zeros_like(value) for name, value in self.parameters.items()}
        self.state = (self.parameters, zeros, zeros, ops.zeros((), "int32"))
        self.orders = [image_order(seed, len(examples[0]), batch_size) for seed in seeds]

        draws = technique.noise((batch_size, pixels), self.kernel_shape)
        memory = bytes_per_step(draws) * len(seeds)
        self.longest = int(np.clip(NOISE_BYTES // max(memory, 1), 1, longest))
        self._draw = lambda *_: {}
        if draws:
            self._draw = backend.compile(lambda *start: draw(draws, *start, self.longest))

        @backend.compile
        def advance(state, images, labels, order, drawn, steps):
            noise_of = reader(draws, drawn)

            def body(i, carry):
                state, errors, losses = carry
                x = as_floats(ops.take(images, order[i], axis=0), pixels)
                y = ops.take(labels, order[i], axis=0)
                noise = noise_of(i, state[3])
                state, error, loss = step(technique, state, x, y, noise, learning_rate)
                return state, errors + error, losses + loss

            zeros = ops.zeros(len(seeds))
            return ops.fori_loop(0, steps, body, (state, zeros, zeros))

        self._advance = advance

    def train(self, steps):
        """Take steps; return the sums of the squared error and the loss, `[2, replicas]`."""
        total, ahead = np.zeros((2, len(self.orders))), steps
        with self._free:
            while ahead:
                now = min(self.longest, ahead)
                order = np.stack([take(now) for take in self.orders], axis=1)
                # One length for every call, so that there is one program to compile.
                order = np.pad(order, ((0, self.longest - now), (0, 0), (0, 0)))
                drawn = self._draw(self.seeds, self.state[3])
                inputs = *self.examples, ops.convert_to_tensor(order), drawn, _int32(now)
                self.state, *sums = self._advance(self.state, *inputs)
                total, ahead = total + np.stack([*map(ops.convert_to_numpy, sums)]), ahead - now
            self.parameters = self.state[0]
        return total


class Team:
    """All replicas of a run, divided among Trainers that run side by side on the cores."""

    def __init__(self, technique, digits, seeds, learning_rate=1e-4, batch_size=32):
        """Put every replica at its start, the training images on the device."""
        examples = on_device(digits.train_images, digits.train_labels)
        kernel_shape = digits.classes, math.prod(digits.shape)
        programs, at_once = backend.division(len(seeds))
        # Three programs on two cores take half their steps, then the other half: no core waits.
        self.turns = at_once // math.gcd(programs, at_once)
        self.trainers = [
            Trainer(
                technique.of_replicas(part),
                examples,
                kernel_shape,
                [seeds[replica] for replica in part],
                learning_rate,
                batch_size,
                LATE // self.turns,
            )
            for part in np.array_split(np.arange(len(seeds)), programs)
        ]
        self._pool = ThreadPoolExecutor(at_once)

    def train(self, steps=LATE):
        """Take steps; return the mean squared error and the mean loss, `[2, replicas]`."""
        turns = np.diff(np.arange(self.turns + 1) * steps // self.turns)
        calls = [self._call(self.trainers, "train", int(count)) for count in turns]
        return sum(map(_joined, calls)) / steps

    def accuracy(self, examiners, batches):
        """Return what each Trainer's Examiner counts, joined: the accuracy of every replica."""
        return _joined(self._call(examiners, "accuracy", batches))

    def _call(self, workers, method, *arguments):
        return [self._pool.submit(getattr(worker, method), *arguments) for worker in workers]

    def parameters(self):
        """Return what is trained, a dict of arrays with all replicas."""
        parts = [trainer.parameters for trainer in self.trainers]
        return {name: ops.concatenate([part[name] for part in parts]) for name in parts[0]}


class Examiner:
    """Counts a Trainer's right answers, at test time or with the technique left on."""

    def __init__(self, trainer, left_on=False):
        """Compile the count for one batch; `left_on` draws fresh noise for every image."""
        self.trainer = trainer
        technique, replicas = trainer.technique, len(trainer.orders)
        pixels = trainer.kernel_shape[1]

        def draws(labels):
            shape = labels.shape[0], pixels
            return technique.noise(shape, trainer.kernel_shape) if left_on else {}

        @backend.compile
        def right(parameters, images, labels, drawn, number):
            x = as_floats(images, pixels)[None]
            x = ops.broadcast_to(x, (replicas, *x.shape[1:]))
            noise = reader(draws(labels), drawn)(0, number)
            answers = ops.argmax(logits(technique, parameters, x, noise), axis=-1)
            return ops.sum(ops.cast(ops.equal(answers, labels), "int32"), axis=-1)

        self._right = right
        self._draw = backend.compile(
            lambda seeds, labels, number: draw(draws(labels), seeds, number, 1)
        )

    def accuracy(self, batches):
        """Return the share of right answers on `batches`, float64 `[replicas]`."""
        counts = []
        for i, (images, labels) in enumerate(batches):
            number = _int32(-2 - i)  # a number that no step has, nor the draw that is rotated
            drawn = self._draw(self.trainer.seeds, labels, number)
            counts.append(self._right(self.trainer.parameters, images, labels, drawn, number))
        return sum(map(ops.convert_to_numpy, counts)) / sum(len(labels) for _, labels in batches)


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

    team = Team(technique, digits, seeds, learning_rate, batch_size)
    examiners = [Examiner(trainer) for trainer in team.trainers]
    test = in_batches(digits.test_images, digits.test_labels)
    curve = {"step": [], "train_loss": [], "test_accuracy": []}
    done, seconds = 0, []
    with tqdm(total=steps, unit="step", desc=type(technique).__name__, leave=False) as bar:
        while done < steps:
            count = min(EARLY if done < 5_000 else LATE, steps - done)
            start = time.perf_counter()
            error, loss = team.train(count)
            seconds.append((time.perf_counter() - start) / count)
            done += count
            _check_finite(loss, technique, seeds, done, learning_rate)
            accuracy = team.accuracy(examiners, test)
            curve["step"].append(done)
            curve["train_loss"].append(error.tolist())
            curve["test_accuracy"].append(accuracy.tolist())
            bar.update(count)

    train = in_batches(digits.train_images, digits.train_labels)
    train_accuracy = team.accuracy(examiners, train)
    as_published = accuracy
    if technique.left_on_in_post:
        examiners = [Examiner(trainer, left_on=True) for trainer in team.trainers]
        as_published = team.accuracy(examiners, test)

    def as_images(values):
        values = ops.convert_to_numpy(values)
        whole = values.shape[-1] == math.prod(digits.shape)  # a gain is one number a class
        return values.reshape(*values.shape[:2], *digits.shape) if whole else values

    runtime = 1.0
    if type(technique) is not Technique:
        first = digits, seeds[:1], learning_rate, batch_size
        one_of_each = technique.of_replicas([0]), Technique()
        runtime = relative_runtime(*(Team(each, *first) for each in one_of_each))
    return runs.Run(
        technique={"name": type(technique).__name__} | technique.settings(),
        dataset=digits.name,
        # A path along a hyperparameter takes the preset's seeds at each of its values.
        preset=preset if (steps, set(seeds)) == (chosen.steps, set(chosen.seeds)) else "custom",
        steps=steps,
        seeds=seeds,
        batch_size=batch_size,
        learning_rate=learning_rate,
        train_accuracy=train_accuracy.tolist(),
        test_accuracy=accuracy.tolist(),
        test_accuracy_as_published=as_published.tolist(),
        # The median leaves out the calls that compile.
        seconds_per_step=float(np.median(seconds)) / len(seeds),
        relative_runtime=runtime,
        curve=curve,
        device=backend.device(),
        backend=backend.name,
        weights=as_images(technique.weights(team.parameters())),
        parameters={name: as_images(value) for name, value in team.parameters().items()},
        **runs.provenance(),
    )


def relative_runtime(team, plain, pairs=5):
    """Return the time of a step of one Team relative to another's, `plain`.

    Both are timed in turn, call by call, in this process; the median of the pairs' ratios counts.
    """
    seconds = []
    for _ in range(1 + pairs):
        for either in (team, plain):
            start = time.perf_counter()
            either.train()
            seconds.append(time.perf_counter() - start)
    with_technique, without = np.reshape(seconds, (-1, 2))[1:].T  # the first pair compiles
    return float(np.median(with_technique / without))


def on_device(images, labels):
    """Return images as int32 `[n, words]`, four pixels a word, and labels as int32 `[n]`.

    A batch is gathered a word at a time: by single pixels it takes a third longer.
    """
    flat = images.reshape(len(images), -1)
    words = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).view("int32")
    return ops.convert_to_tensor(words), ops.convert_to_tensor(labels.astype("int32"))


def as_floats(words, pixels):
    """Return images `[..., words]` from `on_device` as float32 `[..., pixels]` on [0, 1]."""
    return ops.cast(ops.view(words, "uint8")[..., :pixels], "float32") * (1 / 255)


def in_batches(images, labels, size=1_000):
    """Return images and labels on the device, in batches of `size` and what is left."""
    return [
        on_device(images[i : i + size], labels[i : i + size]) for i in range(0, len(images), size)
    ]


def _joined(calls):
    return np.concatenate([call.result() for call in calls], axis=-1)


def _int32(number):
    return ops.convert_to_tensor(np.int32(number))


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
