"""The loop: all models of a run are trained at once, and evaluated on the way."""

import time

import numpy as np

from regularization.core.monitor import (
    Frames,
    accuracy,
    accuracy_on_subsets,
    as_images,
    check_finite,
    weights,
)
from regularization.core.program import in_batches
from regularization.core.team import LATE, Team

EARLY = 250  # steps between two evaluations of the first 5,000; later on LATE


def fit(settings, digits, tell=None):
    """Train what `settings` say on `digits`; return what is left, arrays by name.

    Those of each model begin with an axis for each of `settings.axes`, here `*`. `weights`
    `[*, outputs, height, width]` is what the images are multiplied with at test time, in a deeper
    model by its first layer; `parameters.<name>` what was trained. `train_accuracy` is on the
    images and labels trained on; `test_accuracy_as_published` as the post measured it, where it
    left a technique on. `curve.step` `[points]`; `curve.train_loss` `[points, *]` is the mean loss
    on the batches since the point before, without penalty; `curve.test_accuracy`; and, where a
    technique asks for it, `curve.validation_accuracy`, with the weights in training. `frames.step`
    `[frames]` and `frames.weights` `[frames, *, ...]`, of the first seed and without its axis.

    `tell(done, seconds)` is called with the steps that are done, and the seconds that the last of
    them took. Raises ValueError for settings that do not fit the digits, FloatingPointError when a
    loss overflows.
    """
    settings = settings.on(digits)
    team, reviewed = Team(settings, digits), settings.technique.overrides("review")
    evaluation, in_training = (team.program.evaluation(in_training=late) for late in (False, True))
    test = [*in_batches(digits.test_images)], digits.test_labels
    held_back = [*in_batches(digits.validation_images)], digits.validation_labels
    steps, done = evaluated_at(settings), 0
    frames, losses, on_test, scores = Frames(settings, team, digits, steps), [], [], []
    for end in steps:
        start = time.perf_counter()
        loss, whole = team.train(end - done)
        seconds, done = time.perf_counter() - start, end
        check_finite(whole, settings, team.models, done)
        if reviewed:
            scores.append(accuracy(team, in_training, *held_back))
            team.review(np.array(scores))
        losses.append(loss)
        on_test.append(accuracy(team, evaluation, *test))
        frames.take(done)
        if tell:
            tell(done, seconds)

    as_published = on_test[-1]
    if settings.technique.left_on_in_post:
        left_on = team.program.evaluation(left_on=True)
        as_published = accuracy(team, left_on, in_batches(digits.test_images, blocks=1), test[1])
    found = {
        "weights": weights(team, digits),
        "train_accuracy": accuracy_on_subsets(team, evaluation, digits),
        "validation_accuracy": accuracy(team, evaluation, *held_back),
        "test_accuracy": on_test[-1],
        "test_accuracy_as_published": as_published,
    }
    for name, values in team.parameters().items():
        found[f"parameters.{name}"] = as_images(name, values, digits)
    curve = {"train_loss": losses, "test_accuracy": on_test}
    curve |= {"validation_accuracy": scores} if reviewed else {}
    shape = settings.shape
    found = {name: each.reshape(*shape, *each.shape[1:]) for name, each in found.items()}
    curve = {f"curve.{name}": np.reshape(each, (-1, *shape)) for name, each in curve.items()}
    return found | curve | {"curve.step": np.array(steps)} | frames.arrays()


def evaluated_at(settings):
    """Return the steps after which the models are evaluated."""
    done, steps = 0, []
    while done < settings.steps:
        usual = EARLY if done < 5_000 else LATE
        done += min(settings.every or usual, settings.steps - done)
        steps.append(done)
    return steps
