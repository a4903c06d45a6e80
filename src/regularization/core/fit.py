"""The loop: one compiled program, run on every core, trains all replicas of a run at once."""

import functools
import math
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from regularization.core import backend
from regularization.core.backend import ops
from regularization.core.model import (
    LOSSES,
    each_layer,
    initial_kernels,
    logits,
    named,
    noise,
    of_layer,
    step,
)
from regularization.core.noise import bytes_per_step, draw, reader
from regularization.core.technique import Technique
from regularization.results import run as runs
from regularization.study import presets

EARLY, LATE = 250, 1_000  # steps between two examinations, and in a call at most
NOISE_BYTES = 2**29  # a call's noise at most: with very many replicas a call takes fewer steps
EXAMINED = 1_000  # images in a batch when answers are counted


class Portion(NamedTuple):
    """What a replica trains on: the numbers of some training images, and the labels it is told."""

    numbers: np.ndarray
    labels: np.ndarray


def portion(digits, seed, size=None, label_noise=0.0):
    """Return a seed's `Portion`: `size` training images, a share `label_noise` of them mislabelled.

    A wrong label is any other class. A larger portion of a seed contains its smaller ones, and a
    larger share of wrong labels the smaller ones. All images are taken unless a `size` is given.
    """
    count = len(digits.train_images)
    chosen = np.arange(count)
    if size is not None and size < count:
        chosen = np.random.default_rng([seed, 2]).permutation(count)[:size]
    labels = digits.train_labels[chosen].astype("int32")
    rng = np.random.default_rng([seed, 3])
    wrong, by = rng.random(len(labels)) < label_noise, rng.integers(1, digits.classes, len(labels))
    return Portion(chosen.astype("int32"), np.where(wrong, (labels + by) % digits.classes, labels))


def image_order(seed, count, batch_size):
    """Return a function to the next steps' places, int32 `[steps, batch]`, in a set of `count`.

    The images are reshuffled every epoch; a batch may span two.
    """
    rng, ahead = np.random.default_rng([seed, 1]), np.empty(0, "int32")

    def take(steps):
        nonlocal ahead
        missing = -(-max(steps * batch_size - len(ahead), 0) // count)
        epochs = [rng.permutation(count).astype("int32") for _ in range(missing)]
        ahead = np.concatenate([ahead, *epochs])
        taken, ahead = np.split(ahead, [steps * batch_size])
        return taken.reshape(steps, batch_size)

    return take


class Program:
    """What is compiled, once for all Trainers of a Team: many steps, their noise, the answers.

    Hyperparameters that differ between replicas are inputs, a dict of arrays, and so are the
    learning rates.
    """

    def __init__(self, technique, shapes, batch_size, loss, steps):
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
                state, error, whole = step(its, state, x, labels[i], drawn, rates, loss)
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

    def examination(self, left_on=False, in_training=False):
        """Return a function from (trainer, batches) to its answers, uint8 `[replicas, n]`.

        The technique is at test time, or `left_on` with fresh noise for every image; or it answers
        with the parameters that are `in_training`.
        """
        technique, drawing = self.technique, functools.cache(self._drawing)

        @backend.compile
        def answer(arrays, parameters, images, drawn, number):
            x = as_floats(images, self.shapes[0][1])[None]
            x = ops.repeat(x, next(iter(parameters.values())).shape[0], axis=0)
            draws = noise(technique, images.shape[0], self.shapes) if left_on else {}
            drawn = reader(draws, drawn)(0, number)
            its = technique.with_arrays(arrays)
            if not in_training:
                parameters = each_layer(its.at_test, parameters)
            z = logits(its, parameters, x, drawn)
            return ops.cast(ops.argmax(z, axis=-1), "uint8")

        def answers(trainer, batches):
            found = []
            for i, images in enumerate(batches):
                number = _int32(-2 - i)  # a number that no step has, nor the draw that is rotated
                drawn = {}
                if left_on:
                    drawn = drawing(len(images), 1)(trainer.arrays, trainer.seeds, number)
                found.append(answer(trainer.arrays, trainer.parameters, images, drawn, number))
            return np.concatenate([*map(ops.convert_to_numpy, found)], axis=1)

        return answers


class Trainer:
    """Replicas on their way through one program: their state, their portions, their noise."""

    def __init__(self, program, technique, images, portions, seeds, learning_rates, batch_size):
        """Put every replica at its start; `images` are `on_device`."""
        self.program, self.images, self.portions = program, images, portions
        self.technique = technique
        self.rates = ops.convert_to_tensor(np.float32(learning_rates))
        self._free = Lock()
        self.arrays = {k: ops.convert_to_tensor(v) for k, v in technique.arrays().items()}
        self.seeds = ops.convert_to_tensor(np.array(seeds, "int32"))
        kernels = zip(*(initial_kernels(seed, program.shapes) for seed in seeds), strict=True)
        layers = (ops.convert_to_tensor(np.stack(kernel)) for kernel in kernels)
        self.parameters = named([technique.parameters(kernel) for kernel in layers])
        zeros = {name: ops.zeros_like(value) for name, value in self.parameters.items()}
        self.state = (self.parameters, zeros, zeros, ops.zeros((), "int32"))
        pairs = zip(seeds, portions, strict=True)
        self.orders = [image_order(seed, len(part.numbers), batch_size) for seed, part in pairs]

    def train(self, steps):
        """Take steps; return the sums of the data's loss and the whole loss, `[2, replicas]`."""
        total, ahead = np.zeros((2, len(self.orders))), steps
        with self._free:
            while ahead:
                now = min(self.program.steps, ahead)
                drawn = self.program.draw(self.arrays, self.seeds, self.state[3])
                inputs = self.images, *self._next(now), drawn, _int32(now)
                self.state, *sums = self.program.advance(
                    self.arrays, self.rates, self.state, *inputs
                )
                total, ahead = total + np.stack([*map(ops.convert_to_numpy, sums)]), ahead - now
            self.parameters = self.state[0]
        return total

    def review(self, scores):
        """Hand the replicas' validation accuracies so far, `[examinations, replicas]`, on."""
        self.parameters = each_layer(
            lambda parameters: self.technique.review(parameters, scores), self.parameters
        )
        self.state = self.parameters, *self.state[1:]

    def _next(self, steps):
        """Return the next steps' image numbers and labels, int32 `[steps, replicas, batch]`.

        Padded to one length for every call, so that there is one program to compile.
        """
        drawn = []
        for part, take in zip(self.portions, self.orders, strict=True):
            places = take(steps)
            drawn.append((part.numbers[places], part.labels[places]))
        padding = (0, self.program.steps - steps), (0, 0), (0, 0)
        both = (np.stack(arrays, axis=1) for arrays in zip(*drawn, strict=True))
        return [ops.convert_to_tensor(np.pad(array, padding)) for array in both]


class Team:
    """All replicas of a run, divided among Trainers that run side by side on the cores."""

    def __init__(
        self,
        technique,
        digits,
        seeds,
        learning_rate=1e-4,
        batch_size=32,
        loss="squared_error",
        portions=None,
        hidden=(),
        longest=LATE,
    ):
        """Put every replica at its start; `longest` is the most steps that a call will ask for."""
        portions = portions or [portion(digits, seed) for seed in seeds]
        widths = [math.prod(digits.shape), *hidden, digits.classes]
        shapes = [(after, before) for before, after in pairwise(widths)]
        programs, at_once = backend.division(len(seeds))
        # Three programs on two cores take half their steps, then the other half: no core waits.
        self.turns = at_once // math.gcd(programs, at_once)
        self.parts = np.array_split(np.arange(len(seeds)), programs)
        memory = bytes_per_step(noise(technique, batch_size, shapes)) * len(self.parts[0])
        steps = int(np.clip(NOISE_BYTES // max(memory, 1), 1, -(-min(longest, LATE) // self.turns)))
        self.program = Program(technique, shapes, batch_size, LOSSES[loss], steps)
        rates = np.broadcast_to(learning_rate, len(seeds))
        images = on_device(digits.train_images)
        self.trainers = [
            Trainer(
                self.program,
                technique.of_replicas(part),
                images,
                [portions[replica] for replica in part],
                [seeds[replica] for replica in part],
                rates[part],
                batch_size,
            )
            for part in self.parts
        ]
        self._pool = ThreadPoolExecutor(at_once)

    def train(self, steps=LATE):
        """Take steps; return the means of the data's loss and of the whole, `[2, replicas]`."""
        turns = np.diff(np.arange(self.turns + 1) * steps // self.turns)
        calls = [self._call(Trainer.train, int(count)) for count in turns]
        return (
            sum(np.concatenate([call.result() for call in turn], axis=1) for turn in calls) / steps
        )

    def review(self, scores):
        """Hand every replica's validation accuracies so far, `[examinations, replicas]`, on."""
        for trainer, part in zip(self.trainers, self.parts, strict=True):
            trainer.review(scores[:, part])

    def answers(self, examination, batches):
        """Return every replica's answers on batches of images, uint8 `[replicas, n]`."""
        return np.concatenate([call.result() for call in self._call(examination, batches)])

    def _call(self, function, *arguments):
        return [self._pool.submit(function, trainer, *arguments) for trainer in self.trainers]

    def parameters(self):
        """Return what is trained, a dict of arrays with all replicas."""
        parts = [trainer.parameters for trainer in self.trainers]
        return {name: ops.concatenate([part[name] for part in parts]) for name in parts[0]}


def fit(
    technique,
    digits,
    preset="quick",
    *,
    steps=None,
    seeds=None,
    learning_rate=1e-4,
    batch_size=32,
    loss="squared_error",
    train_size=None,
    label_noise=0.0,
    hidden=(),
    every=None,
    watch=None,
):
    """Train `technique` on `digits` from each seed, all at once, and return the `Run`.

    The preset gives `steps` and `seeds` unless they are given; `seeds` is how many, or which.
    `learning_rate`, `train_size` (of the training images, drawn by the seed) and `label_noise` (the
    share of wrong labels) are a number or one per seed. `hidden` are the widths of hidden layers,
    `every` the steps between two examinations on the test set. `watch(step, weights)` is called at
    the start and at each examination, with the weights `[replicas, ...]` as in the run. Raises
    ValueError for settings that make no sense, as `check` does, and FloatingPointError when the
    loss overflows.
    """
    chosen = presets.get(preset)
    steps = chosen.steps if steps is None else steps
    seeds = chosen.seeds if seeds is None else seeds
    seeds = list(range(seeds)) if _whole(seeds) else seeds
    seeds, rates, sizes, shares = check(
        technique,
        digits,
        steps=steps,
        seeds=seeds,
        learning_rate=learning_rate,
        batch_size=batch_size,
        loss=loss,
        train_size=train_size,
        label_noise=label_noise,
        hidden=hidden,
        every=every,
    )
    pairs = zip(seeds, sizes, shares, strict=True)
    portions = [portion(digits, seed, size, share) for seed, size, share in pairs]
    settings = learning_rate, batch_size, loss, portions, hidden
    team = Team(technique, digits, seeds, *settings, longest=min(every or LATE, steps))
    examination = team.program.examination()
    test = in_batches(digits.test_images), digits.test_labels

    def right(examination, images, labels):
        return np.mean(team.answers(examination, images) == labels, axis=1).tolist()

    curve = {"step": [], "train_loss": [], "test_accuracy": []}
    if technique.overrides("review"):
        curve["validation_accuracy"] = scores = []
        in_training = team.program.examination(in_training=True)
        held_back = in_batches(digits.validation_images), digits.validation_labels

    def as_images(name, values):
        values = ops.convert_to_numpy(values)
        # Only the first layer sees pixels; and a gain is one number a class.
        whole = "." not in name and values.ndim == 3
        whole = whole and values.shape[-1] == math.prod(digits.shape)
        return values.reshape(*values.shape[:2], *digits.shape) if whole else values

    def weights(at_test=technique.at_test):
        first = of_layer(team.parameters(), 0)
        return as_images("weights", technique.weights(at_test(first)))

    if watch:
        watch(0, weights(at_test=dict))  # as they are: there is no average of no steps yet
    done, seconds = 0, []
    with tqdm(total=steps, unit="step", desc=type(technique).__name__, leave=False) as bar:
        while done < steps:
            count = min(every or (EARLY if done < 5_000 else LATE), steps - done)
            start = time.perf_counter()
            error, whole = team.train(count)
            seconds.append((time.perf_counter() - start) / count)
            done += count
            _check_finite(whole, technique, seeds, done, rates)
            if technique.overrides("review"):
                scores.append(right(in_training, *held_back))
                team.review(np.array(scores))
            curve["step"].append(done)
            curve["train_loss"].append(error.tolist())
            curve["test_accuracy"].append(right(examination, *test))
            if watch:
                watch(done, weights())
            bar.update(count)

    as_published = curve["test_accuracy"][-1]
    if technique.left_on_in_post:
        as_published = right(team.program.examination(left_on=True), *test)

    trained = {name: as_images(name, value) for name, value in team.parameters().items()}
    final = weights()
    accuracy = _on_portions(team, examination, digits, portions)
    published = (steps, set(seeds)) == (chosen.steps, set(chosen.seeds))
    published &= set(sizes) == {len(digits.train_images)} and not any(shares) and not hidden
    return runs.Run(
        technique={"name": type(technique).__name__} | technique.settings(),
        dataset=digits.name,
        # A path along a hyperparameter takes the preset's seeds at each of its values.
        preset=preset if published else "custom",
        steps=steps,
        seeds=seeds,
        batch_size=batch_size,
        learning_rate=rates if np.ndim(learning_rate) else float(learning_rate),
        loss=loss,
        hidden=[*hidden],
        train_size=sizes,
        label_noise=shares,
        train_accuracy=accuracy,
        test_accuracy=curve["test_accuracy"][-1],
        test_accuracy_as_published=as_published,
        # The median leaves out the calls that compile.
        seconds_per_step=float(np.median(seconds)) / len(seeds),
        curve=curve,
        device=backend.device(),
        backend=backend.name,
        weights=final,
        parameters=trained,
        **runs.provenance(),
    )


def _on_portions(team, examination, digits, portions):
    """Return every replica's accuracy on the images and labels that it was trained on."""
    numbers = np.unique(np.concatenate([part.numbers for part in portions]))
    answers = team.answers(examination, in_batches(digits.train_images[numbers]))
    return [
        float(np.mean(found[np.searchsorted(numbers, part.numbers)] == part.labels))
        for found, part in zip(answers, portions, strict=True)
    ]


def on_device(images):
    """Return images as int32 `[n, words]`, four pixels a word.

    A batch is gathered a word at a time: by single pixels it takes a third longer.
    """
    flat = images.reshape(len(images), -1)
    return ops.convert_to_tensor(np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).view("int32"))


def as_floats(words, pixels):
    """Return images `[..., words]` from `on_device` as float32 `[..., pixels]` on [0, 1]."""
    return ops.cast(ops.view(words, "uint8")[..., :pixels], "float32") * (1 / 255)


def in_batches(images):
    """Return images on the device, in batches and what is left."""
    return [on_device(images[i : i + EXAMINED]) for i in range(0, len(images), EXAMINED)]


def _int32(number):
    return ops.convert_to_tensor(np.int32(number))


def _for_each(name, value, seeds):
    """Return a number for each of the seeds, as a list; ValueError if there are others."""
    try:
        values = np.asarray(value)
        valid = values.dtype.kind in "iuf" and values.shape in ((), (len(seeds),))
    except ValueError:  # a ragged list
        valid = False
    _expect(valid, f"{name}={value!r}", f"a number, or one for each of the {len(seeds)} seeds")
    return np.broadcast_to(values, len(seeds)).tolist()


def _expect(valid, setting, expected):
    if not valid:
        raise ValueError(f"fit({setting}): expected {expected}.")


def check(
    technique,
    digits,
    *,
    steps,
    seeds,
    learning_rate,
    batch_size,
    loss,
    train_size=None,
    label_noise=0.0,
    hidden=(),
    every=None,
):
    """Return the seeds, and a learning rate, training size and share of wrong labels for each.

    Raises ValueError, naming the setting of `fit`, for the first one that makes no sense.
    """
    count = len(digits.train_images)
    _expect(isinstance(technique, Technique), f"{technique!r}", "a technique, as Dropout(rate=0.5)")
    _expect(_whole(steps) and steps > 0, f"steps={steps!r}", "a whole number from 1")
    valid = every is None or _whole(every) and every > 0
    _expect(valid, f"every={every!r}", "steps between two examinations, a whole number from 1")
    valid = isinstance(seeds, (list, tuple, range, np.ndarray)) and len(seeds) > 0
    valid = valid and all(_whole(seed) and 0 <= seed < 2**31 for seed in seeds)
    _expect(valid, f"seeds={seeds!r}", "how many, from 1, or a list of seeds from 0 to 2^31 - 1")
    valid = isinstance(loss, str) and loss in LOSSES
    _expect(valid, f"loss={loss!r}", f"one of {', '.join(LOSSES)}")
    valid = isinstance(hidden, (tuple, list)) and all(_whole(w) and w > 0 for w in hidden)
    _expect(valid, f"hidden={hidden!r}", "the widths of the hidden layers, as (128,)")
    for name, value in technique.settings().items():
        valid = not isinstance(value, list) or len(value) == len(seeds)
        _expect(valid, f"{technique}, seeds={seeds}", f"one {name}, or one for each of the seeds")
    seeds = [int(seed) for seed in seeds]
    rates = _for_each("learning_rate", learning_rate, seeds)
    sizes = _for_each("train_size", count if train_size is None else train_size, seeds)
    shares = _for_each("label_noise", label_noise, seeds)
    for rate in rates:
        _expect(0 < np.float32(rate) < math.inf, f"learning_rate={rate!r}", "a number above 0")
    _check_portions(sizes, shares, batch_size, count)
    return seeds, rates, sizes, shares


def _check_portions(sizes, shares, batch_size, count):
    """Raise ValueError for a portion of the training images that cannot be had."""
    for size in sizes:
        valid = _whole(size) and 0 < size <= count
        _expect(valid, f"train_size={size!r}", f"a whole number from 1 to {count:,}, all images")
    for share in shares:
        _expect(0 <= share <= 1, f"label_noise={share!r}", "a share of the labels, from 0 to 1")
    valid = _whole(batch_size) and 0 < batch_size <= min(sizes)
    expected = f"a whole number from 1 to {min(sizes)}, all images"
    _expect(valid, f"batch_size={batch_size!r}", expected)


def _check_finite(loss, technique, seeds, done, rates):
    if not np.all(np.isfinite(loss)):
        replica = int(np.argmin(np.isfinite(loss)))
        raise FloatingPointError(
            f"The loss of {technique.of_replicas(replica)} is {loss[replica]} by step {done}, seed "
            f"{seeds[replica]} (replica {replica}), at learning rate {rates[replica]}. Expected a "
            "finite number. Lower the strength or the learning rate."
        )


def _whole(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
