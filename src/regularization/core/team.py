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
NOISE_BYTES = 2**29  # a call's noise at most: with very many replicas a call takes fewer steps


class Trainer:
    """Replicas on their way through one program: their state, their subsets, their noise."""

    def __init__(self, program, technique, images, subsets, models, batch_size):
        """Put every replica at its start; `images` are `on_device`, `models` as of Settings."""
        self.program, self.images, self.subsets = program, images, subsets
        self.technique, seeds = technique, models["seed"].tolist()
        self.rates = ops.convert_to_tensor(np.float32(models["learning_rate"]))
        self._free = Lock()
        self.arrays = {k: ops.convert_to_tensor(v) for k, v in technique.arrays().items()}
        self.seeds = ops.convert_to_tensor(np.array(seeds, "int32"))
        starts = zip(seeds, models["initial_stddev"], strict=True)
        kernels = (initial_kernels(seed, program.shapes, stddev) for seed, stddev in starts)
        layers = (ops.convert_to_tensor(np.stack(each)) for each in zip(*kernels, strict=True))
        self.parameters = named([technique.parameters(kernel) for kernel in layers])
        zeros = {name: ops.zeros_like(value) for name, value in self.parameters.items()}
        self.state = (self.parameters, zeros, zeros, ops.zeros((), "int32"))
        pairs = zip(seeds, subsets, strict=True)
        self.orders = [image_order(seed, len(p.indices), batch_size) for seed, p in pairs]

    def train(self, steps):
        """Take steps; return the sums of the data's loss and the whole loss, `[2, replicas]`."""
        total, ahead = np.zeros((2, len(self.orders))), steps
        with self._free:
            while ahead:
                now = min(self.program.steps, ahead)
                drawn = self.program.draw(self.arrays, self.seeds, self.state[3])
                inputs = self.images, *self._next(now), drawn, int32(now)
                self.state, *sums = self.program.advance(
                    self.arrays, self.rates, self.state, *inputs
                )
                total, ahead = total + np.stack([*map(ops.convert_to_numpy, sums)]), ahead - now
            self.parameters = self.state[0]
        return total

    def review(self, scores):
        """Hand the replicas' validation accuracies so far, `[evaluations, replicas]`, on."""
        self.parameters = each_layer(
            lambda parameters: self.technique.review(parameters, scores), self.parameters
        )
        self.state = self.parameters, *self.state[1:]

    def _next(self, steps):
        """Return the next steps' images' indices and labels, int32 `[steps, replicas, batch]`.

        Padded to one length for every call, so that there is one program to compile.
        """
        drawn = []
        for part, take in zip(self.subsets, self.orders, strict=True):
            order = take(steps)
            drawn.append((part.indices[order], part.labels[order]))
        padding = (0, self.program.steps - steps), (0, 0), (0, 0)
        both = (np.stack(arrays, axis=1) for arrays in zip(*drawn, strict=True))
        return [ops.convert_to_tensor(np.pad(array, padding)) for array in both]


class Team:
    """All replicas of a run, divided among Trainers that run side by side on the cores."""

    def __init__(self, settings, digits):
        """Put every replica at its start; a call takes `settings.every` or LATE steps at most."""
        settings = settings.on(digits)
        self.models, technique = settings.of_models()
        self.technique = technique = technique.with_arrays({"image_shape": digits.shape})
        seeds, batch_size = self.models["seed"].tolist(), settings.batch_size
        drawn = zip(seeds, self.models["train_size"], self.models["label_noise"], strict=True)
        self.subsets = [subset(digits, *each) for each in drawn]
        widths = [math.prod(digits.shape), *settings.hidden, digits.classes]
        double = 1 + (settings.activation == "bilinear")
        shapes = [(double * after, before) for before, after in pairwise(widths[:-1])]
        shapes.append((widths[-1], widths[-2]))
        programs, at_once = backend.division(len(seeds))
        # Three programs on two cores take half their steps, then the other half: no core waits.
        self.turns = at_once // math.gcd(programs, at_once)
        self.parts = np.array_split(np.arange(len(seeds)), programs)
        memory = bytes_per_step(noise(technique, batch_size, shapes)) * len(self.parts[0])
        longest = -(-min(settings.every or LATE, settings.steps, LATE) // self.turns)
        steps = int(np.clip(NOISE_BYTES // max(memory, 1), 1, longest))
        how = LOSSES[settings.loss], OPTIMIZERS[settings.optimizer]
        self.program = Program(technique, shapes, batch_size, *how, steps)
        images = on_device(digits.train_images)
        self.trainers = [
            Trainer(
                self.program,
                technique.of_replicas(part),
                images,
                [self.subsets[replica] for replica in part],
                {name: column[part] for name, column in self.models.items()},
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
        """Hand every replica's validation accuracies so far, `[evaluations, replicas]`, on."""
        for trainer, part in zip(self.trainers, self.parts, strict=True):
            trainer.review(scores[:, part])

    def predictions(self, evaluation, batches):
        """Return every replica's predictions on batches of images, uint8 `[replicas, n]`."""
        found = []
        for place, images in enumerate(batches):
            calls = self._call(evaluation, place, images)
            found.append(np.concatenate([call.result() for call in calls]))
        return np.concatenate(found, axis=1)

    def _call(self, function, *arguments):
        return [self._pool.submit(function, trainer, *arguments) for trainer in self.trainers]

    def parameters(self):
        """Return what is trained, a dict of arrays with all replicas."""
        parts = [trainer.parameters for trainer in self.trainers]
        return {name: ops.concatenate([part[name] for part in parts]) for name in parts[0]}
