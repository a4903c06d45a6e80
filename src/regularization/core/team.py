"""All models of a run side by side: divided among the cores, each part on its way by itself."""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock

import numpy as np

from regularization.core import backend
from regularization.core.backend import ops
from regularization.core.model import (
    LOSSES,
    OPTIMIZERS,
    each_layer,
    initial_kernels,
    named,
    noise,
)
from regularization.core.noise import bytes_per_step
from regularization.core.program import Program, int32, on_device
from regularization.core.subsets import image_order, subset

LATE = 1_000  # steps in a call at most
# Memory of a call's noise and batches at most: with many replicas a call takes fewer steps. What a
# processor's caches hold takes half the time of what they do not.
CALL_BYTES = 2**24
ON_ACCELERATOR = 2**29


def what_is_seen(models):
    """Return each model's seed, number of images and share of wrong labels: what makes batches."""
    columns = (models[name].tolist() for name in ("seed", "train_size", "label_noise"))
    return [*zip(*columns, strict=True)]


def shares(whole, count):
    """Return `count` whole numbers, as equal as can be, with the sum `whole`."""
    return np.diff(np.arange(count + 1) * whole // count).tolist()


class Trainer:
    """Replicas on their way through one program: their state, their subsets, their noise."""

    def __init__(self, program, technique, images, subsets, models, batch_size):
        """Put every replica at its start; `images` are `on_device`, `models` as of Settings.

        Replicas that `subsets`, a dict by `what_is_seen`, gives one subset see the same batches.
        """
        self.program, self.images = program, images
        self.technique, seeds, seen = technique, models["seed"].tolist(), what_is_seen(models)
        places = {each: place for place, each in enumerate(dict.fromkeys(seen))}
        self.subsets = [subsets[each] for each in places]
        self.orders = [image_order(seed, size, batch_size) for seed, size, _ in places]
        self.which = ops.convert_to_tensor(np.int32([places[each] for each in seen]))
        self.rates = ops.convert_to_tensor(np.float32(models["learning_rate"]))
        self._free, self._pool = Lock(), ThreadPoolExecutor(backend.cores())
        self.arrays = {k: ops.convert_to_tensor(v) for k, v in technique.arrays().items()}
        self.seeds = ops.convert_to_tensor(np.array(seeds, "int32"))
        starts = zip(seeds, models["initial_stddev"], strict=True)
        kernels = (initial_kernels(seed, program.shapes, stddev) for seed, stddev in starts)
        layers = (ops.convert_to_tensor(np.stack(each)) for each in zip(*kernels, strict=True))
        self.parameters = named([technique.parameters(kernel) for kernel in layers])
        zeros = {name: ops.zeros_like(value) for name, value in self.parameters.items()}
        self.state = (self.parameters, zeros, zeros, ops.zeros((), "int32"))

    def train(self, steps):
        """Take steps; return the sums of the data's loss and the whole loss, `[2, replicas]`."""
        total, before = np.zeros((2, len(self.seeds))), None
        calls = -(-steps // self.program.steps)
        with self._free:
            for count in shares(steps, calls):
                drawn = self.program.draw(self.arrays, self.seeds, self.state[3])
                inputs = self.images, *self._next(count), self.which, drawn, int32(count)
                self.state, *both = self.program.advance(
                    self.arrays, self.rates, self.state, *inputs
                )
                if before:  # waited for while this call is under way: no more than two are
                    total = total + np.stack([*map(ops.convert_to_numpy, before)])
                before = both
            self.parameters = self.state[0]
            return total + np.stack([*map(ops.convert_to_numpy, before)])

    def review(self, scores):
        """Hand the replicas' validation accuracies so far, `[evaluations, replicas]`, on."""
        self.parameters = each_layer(
            lambda parameters: self.technique.review(parameters, scores), self.parameters
        )
        self.state = self.parameters, *self.state[1:]

    def _next(self, steps):
        """Return the next steps' images' indices and labels, int32 `[steps, different, batch]`.

        Where the program does not know how many steps it takes, padded to the most.
        """

        def draw(part, take):
            order = take(steps)
            return part.indices[order], part.labels[order]

        several = self._pool.map if len(self.orders) > 8 else map  # thousands on an accelerator
        drawn = several(draw, self.subsets, self.orders)
        more = 0 if self.program.counted else self.program.steps - steps
        padding = (0, more), (0, 0), (0, 0)
        both = (np.stack(arrays, axis=1) for arrays in zip(*drawn, strict=True))
        return [ops.convert_to_tensor(np.pad(array, padding)) for array in both]


class Team:
    """All replicas of a run, divided among Trainers that run side by side on the cores."""

    def __init__(self, settings, digits):
        """Put every replica at its start; a call takes `settings.every` or LATE steps at most."""
        settings = settings.on(digits)
        self.models, technique = settings.of_models()
        self.technique = technique = technique.with_arrays({"image_shape": digits.shape})
        batch_size, seen = settings.batch_size, what_is_seen(self.models)
        alike = {}
        for replica, each in enumerate(seen):
            alike.setdefault(each, []).append(replica)
        subsets = {each: subset(digits, *each) for each in alike}
        self.subsets = [subsets[each] for each in seen]
        widths = [math.prod(digits.shape), *settings.hidden, digits.classes]
        double = 1 + (settings.activation == "bilinear")
        shapes = [(double * after, before) for before, after in pairwise(widths[:-1])]
        shapes.append((widths[-1], widths[-2]))
        # Models that share their batches are kept together; if none do, all are one group.
        groups = [*alike.values()] if len(alike) < len(seen) else [[*range(len(seen))]]
        programs, at_once = backend.division(len(seen), len(groups))
        # Three programs on two cores take half their steps, then the other half: no core waits.
        self.turns = at_once // math.gcd(programs, at_once)
        groups = groups if programs > 1 else [np.concatenate(groups)]
        self.parts = [
            part for group in groups for part in np.array_split(group, programs // len(groups))
        ]
        memory = bytes_per_step(noise(technique, batch_size, shapes)) + 8 * batch_size
        room = CALL_BYTES if backend.device() == "CPU" else ON_ACCELERATOR
        longest = -(-min(settings.every or LATE, settings.steps, LATE) // self.turns)
        steps = int(np.clip(room // (memory * len(self.parts[0])), 1, longest))
        how = LOSSES[settings.loss], OPTIMIZERS[settings.optimizer]
        self.program = Program(technique, shapes, batch_size, *how, steps)
        images = on_device(digits.train_images)
        self.trainers = [
            Trainer(
                self.program,
                technique.of_replicas(part),
                images,
                subsets,
                {name: column[part] for name, column in self.models.items()},
                batch_size,
            )
            for part in self.parts
        ]
        order = np.concatenate(self.parts)
        arrays = technique.of_replicas(order).arrays()
        self._places = np.argsort(order)
        self._arrays = {name: ops.convert_to_tensor(value) for name, value in arrays.items()}
        self._seeds = ops.convert_to_tensor(np.int32(self.models["seed"][order]))
        self._pool = ThreadPoolExecutor(backend.cores())

    def train(self, steps=LATE):
        """Take steps; return the means of the data's loss and of the whole, `[2, replicas]`."""
        calls = [
            [self._pool.submit(trainer.train, count) for trainer in self.trainers]
            for count in shares(steps, self.turns)
        ]
        turns = (np.concatenate([call.result() for call in turn], axis=1) for turn in calls)
        return sum(turns)[:, self._places] / steps

    def review(self, scores):
        """Hand every replica's validation accuracies so far, `[evaluations, replicas]`, on."""
        for trainer, part in zip(self.trainers, self.parts, strict=True):
            trainer.review(scores[:, part])

    def predictions(self, evaluation, batches):
        """Return every replica's predictions on batches of images, uint8 `[replicas, n]`.

        All replicas are in one product, a batch a core.
        """
        given, calls = (self._arrays, self._seeds, self._parameters()), []
        for place, images in enumerate(batches):
            if place >= backend.cores():  # no more batches than cores are in memory
                calls[place - backend.cores()].result()
            calls.append(self._pool.submit(evaluation, *given, place, images))
        return np.concatenate([call.result() for call in calls], axis=1)[self._places]

    def parameters(self):
        """Return what is trained, a dict of arrays with all replicas."""
        found = self._parameters()
        return {name: ops.take(value, self._places, axis=0) for name, value in found.items()}

    def _parameters(self):
        parts = [trainer.parameters for trainer in self.trainers]
        return {name: ops.concatenate([part[name] for part in parts]) for name in parts[0]}
