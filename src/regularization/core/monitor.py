"""What is looked at on the way: how many predictions are right, and what the weights look like."""

import math

import numpy as np

from regularization.core.backend import ops
from regularization.core.model import of_layer
from regularization.core.program import in_batches


def accuracy(team, evaluation, batches, labels):
    """Return each model's share of right predictions, `[models]`."""
    return np.mean(team.predictions(evaluation, batches) == labels, axis=1)


def accuracy_on_subsets(team, evaluation, digits):
    """Return each model's accuracy on the images and labels that it was trained on."""
    seen = np.zeros(len(digits.train_images), bool)
    for part in team.subsets:
        seen[part.indices] = True
    predictions = team.predictions(evaluation, in_batches(digits.train_images[seen]))
    place = np.cumsum(seen) - 1  # of an image among those that were seen
    pairs = zip(predictions, team.subsets, strict=True)
    return np.array([np.mean(said[place[s.indices]] == s.labels) for said, s in pairs])


def as_images(name, values, digits):
    """Return what is as large as the images in their shape; a later layer sees no pixels."""
    values = ops.convert_to_numpy(values)
    whole = "." not in name and values.ndim == 3 and values.shape[-1] == math.prod(digits.shape)
    return values.reshape(*values.shape[:2], *digits.shape) if whole else values


def weights(team, digits, at_test=None):
    """Return what the images are multiplied with at test time, `[models, outputs, h, w]`."""
    first = (at_test or team.technique.at_test)(of_layer(team.parameters(), 0))
    return as_images("weights", team.technique.weights(first), digits)


class Frames:
    """Pictures of the first seed's models on their way: as many early as late."""

    def __init__(self, settings, team, digits, evaluated):
        """Choose among the steps at which the models are evaluated; take the start."""
        self.team, self.digits, self.settings = team, digits, settings
        self.first = team.models["seed"] == settings.seeds[0]
        wanted = np.geomspace(evaluated[0], evaluated[-1], max(settings.frames - 1, 0))
        nearest = np.abs(np.subtract.outer(wanted, [0, *evaluated])).argmin(axis=1)
        self.steps = [int(([0, *evaluated])[i]) for i in sorted({0, *nearest.tolist()})]
        self.steps = self.steps if settings.frames else []
        # As they are: there is no average of no steps yet.
        self.taken = [weights(team, digits, at_test=dict)[self.first]] if self.steps else []

    def take(self, step):
        """Take a picture if it is one of the steps."""
        if step in self.steps:
            self.taken.append(weights(self.team, self.digits)[self.first])

    def arrays(self):
        """Return the pictures and their steps, as `fit` does."""
        if not self.steps:
            return {}
        shape = len(self.taken), *self.settings.shape[:-1], *self.taken[0].shape[1:]
        taken = np.reshape(np.stack(self.taken), shape)
        return {"frames.step": np.array(self.steps), "frames.weights": taken}


def check_finite(loss, settings, models, done):
    """Raise FloatingPointError where a model's loss is no finite number."""
    if not np.all(np.isfinite(loss)):
        model = int(np.argmin(np.isfinite(loss)))
        at = settings.at(**{name: models[name][model].item() for name in settings.axes})
        raise FloatingPointError(
            f"The loss of {at.technique} is {loss[model]} by step {done}, seed {at.seeds[0]}, at "
            f"learning rate {at.learning_rate}. Expected a finite number. Lower the strength or "
            "the learning rate."
        )
