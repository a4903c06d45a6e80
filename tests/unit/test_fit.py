"""The loop: its gradient against finite differences, its steps against Keras and by hand."""

import itertools
import json
import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import run_python

from regularization.analysis import evaluation
from regularization.core import backend, model, program, team
from regularization.core.backend import ops
from regularization.core.fit import evaluated_at, fit
from regularization.core.monitor import Frames
from regularization.core.settings import Settings
from regularization.core.subsets import subset
from regularization.core.team import Team
from regularization.core.technique import Technique, per_replica
from regularization.core.techniques import (
    L2,
    Augmentation,
    Dropout,
    EarlyStopping,
    ElasticNet,
    GaussianWeights,
    MaxNorm,
    Mixup,
    SpectralNormalization,
    VariationalWeights,
    WeightAveraging,
    WeightDecay,
)
from regularization.study import registry


def strong(experiment):
    """An experiment's technique at the hardest value that equal care tries: its effect shows.

    It is told a number of training images, as the loop would.
    """
    hardest = {name: values[-1] for name, values in experiment.tried.items()}
    return replace(experiment.technique, **hardest).with_arrays({"train_size": 50})


ALL = (registry.TECHNIQUES | registry.CORRECTIONS).values()
TECHNIQUES = [strong(each) for each in ALL if not each.technique.arrays()]
KINDS = pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda t: type(t).__name__)


def batch(technique, replicas=2, images=4, classes=3, pixels=9, seed=0):
    """A small problem: state, x, labels and the noise that the technique asks for."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(scale=0.1, size=(replicas, classes, pixels)).astype("float32")
    kernel += 0.1 * np.sign(kernel)  # away from zero, where L1 has its kink
    parameters = technique.parameters(ops.convert_to_tensor(kernel))
    zeros = {name: ops.zeros_like(value) for name, value in parameters.items()}
    x = rng.uniform(size=(replicas, images, pixels)).astype("float32")
    labels = rng.integers(0, classes, (replicas, images)).astype("int32")
    draws = technique.noise((images, pixels), (classes, pixels))
    noise = {
        hook: rng.random((replicas, *draw.shape)) < 0.5
        if draw.kind == "bernoulli"
        else rng.uniform(size=(replicas, *draw.shape)).astype("float32")
        if draw.kind in ("uniform", "beta")
        else rng.standard_normal((replicas, *draw.shape), "float32")
        for hook, draw in draws.items()
    }
    state = (parameters, zeros, zeros, ops.zeros((), "int32"))
    return state, ops.convert_to_tensor(x), ops.convert_to_tensor(labels), noise


def new_trainer(technique, digits, seeds, learning_rate=1e-4):
    return Team(Settings(technique, seeds=seeds, learning_rate=learning_rate), digits).trainers[0]


def test_the_loss_is_half_the_squared_error_over_classes_and_batch():
    _, x, labels, _ = batch(Technique())
    logits = np.random.default_rng(1).normal(size=(2, 4, 3)).astype("float32")
    by_hand = []
    for z, y in zip(logits, ops.convert_to_numpy(labels), strict=True):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        by_hand.append(0.5 * ((np.eye(3)[y] - p) ** 2).sum() / (3 * 4))
    ours = model.squared_error(ops.convert_to_tensor(logits), ops.one_hot(labels, 3))
    np.testing.assert_allclose(ops.convert_to_numpy(ours), by_hand, rtol=1e-5)


def test_cross_entropy_is_kerass():
    _, x, labels, _ = batch(Technique())
    logits = np.random.default_rng(1).normal(size=(2, 4, 3)).astype("float32")
    ours = model.cross_entropy(ops.convert_to_tensor(logits), ops.one_hot(labels, 3))
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    each = [float(theirs(y, z)) for y, z in zip(labels, logits, strict=True)]
    np.testing.assert_allclose(ops.convert_to_numpy(ours), each, rtol=1e-5)


@KINDS
def test_the_gradient_agrees_with_finite_differences(technique):
    if technique.overrides("attack"):  # its images follow the weights, and no gradient does
        technique = replace(technique, epsilon=1e-3)
    state, x, labels, noise = batch(technique)

    def loss(parameters):
        return ops.sum(model.losses(technique, parameters, x, labels, noise)[1]), None

    parameters = state[0]
    _, gradient = backend.value_and_grad(loss, parameters)
    rng, h = np.random.default_rng(2), 1e-2
    for name, value in parameters.items():
        direction = rng.normal(size=value.shape).astype("float32")
        up, down = (
            float(loss(parameters | {name: value + sign * h * direction})[0]) for sign in (1, -1)
        )
        along = float(np.sum(ops.convert_to_numpy(gradient[name]) * direction))
        assert along == pytest.approx((up - down) / (2 * h), rel=2e-2, abs=2e-4)


@pytest.mark.parametrize(
    "theirs, ours",
    [
        (keras.optimizers.Adam(learning_rate=0.01, epsilon=1e-8), model.adam),
        (keras.optimizers.SGD(learning_rate=0.01), model.sgd),
    ],
)
def test_an_optimizer_is_kerass(theirs, ours):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(1, 3, 4)).astype("float32")
    variable = keras.Variable(start)
    zero = {"kernel": ops.zeros_like(start)}
    state = ({"kernel": ops.convert_to_tensor(start)}, zero, zero, ops.zeros((), "int32"))
    for _ in range(20):
        gradient = ops.convert_to_tensor(rng.normal(size=start.shape).astype("float32"))
        theirs.apply([gradient], [variable])
        state = ours(state, {"kernel": gradient}, 0.01)
    found = ops.convert_to_numpy(state[0]["kernel"])
    np.testing.assert_allclose(found, ops.convert_to_numpy(variable), rtol=1e-5, atol=1e-6)


def test_a_run_is_what_numpy_gets_step_by_step(digits):
    """The whole loop without noise, and with L2, against thirty lines of NumPy in float64."""
    technique, steps, rate = L2(0.01), 300, 1e-2
    trainer = new_trainer(technique, digits, [3], rate)
    w = ops.convert_to_numpy(trainer.parameters["kernel"])[0].astype("float64")
    images = digits.train_images.reshape(-1, 64) / 255
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, chosen in enumerate(trainer.orders[0](steps), start=1):
        x, y = images[chosen], np.eye(10)[digits.train_labels[chosen]]
        z = x @ w.T
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        error = p - y
        dz = p * (error - (p * error).sum(axis=1, keepdims=True)) / (10 * 32)
        g = dz.T @ x + 0.01 * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w -= rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
    found = fit(Settings(technique, steps=steps, seeds=[3], learning_rate=rate), digits)
    np.testing.assert_allclose(found["weights"][0].reshape(10, 64), w, atol=2e-4)
    for part in ("test", "validation"):
        part_images, labels = (getattr(digits, f"{part}_{what}") for what in ("images", "labels"))
        right = (part_images.reshape(-1, 64) @ w.T).argmax(axis=1) == labels
        assert found[f"{part}_accuracy"][0] == pytest.approx(right.mean(), abs=0.003)


@KINDS
def test_same_seed_same_bits_and_neither_company_nor_division_changes_a_run(
    technique, digits, monkeypatch
):
    """Twice in one program; then each model in a program of its own, in shorter calls."""
    # Where two singular values are equal the gradient of the largest jumps, and so does the step of
    # an opponent where a slope is zero: rounding grows.
    jumps = isinstance(technique, SpectralNormalization) or technique.overrides("attack")
    steps = 30 if jumps else 300
    settings = Settings(technique, steps=steps, seeds=[7, 4, 1], learning_rate=1e-3)
    monkeypatch.setattr(backend, "division", lambda replicas, groups: (1, 1))
    together, again = (fit(settings, digits) for _ in range(2))
    assert together.keys() == again.keys()
    assert all(np.array_equal(together[name], again[name]) for name in together)
    for one, other in itertools.combinations(together["weights"], 2):
        assert not np.allclose(one, other)
    monkeypatch.setattr(backend, "division", lambda replicas, groups: (min(3, replicas), 2))
    monkeypatch.setattr(team, "CALL_BYTES", 100_000)  # dropout: 43 steps a call
    apart = fit(settings, digits)
    # A sum may be taken in another order: the same models, to rounding.
    np.testing.assert_allclose(apart["weights"], together["weights"], atol=2e-5)
    assert apart["test_accuracy"] == pytest.approx(together["test_accuracy"], abs=0.003)


GRIDS = {
    "two hyperparameters": Settings(
        ElasticNet([1e-4, 1e-2], share=[0.2, 0.8]), seeds=[3], every=20, frames=2
    ),
    "a strength and a rate": Settings(
        WeightDecay([0.1, 3.0]), seeds=[1, 0], learning_rate=[1e-3, 1e-2]
    ),
    "noise": Settings(Dropout([0.2, 0.5]), seeds=[4], learning_rate=[1e-3, 1e-2], frames=3),
    "subsets": Settings(VariationalWeights(), train_size=[40, 200], label_noise=[0.0, 0.5]),
    "images of its own": Settings(Mixup([0.2, 1.0]), seeds=[1, 0], frames=2),
    "what is reviewed": Settings(EarlyStopping([1, 3]), seeds=2, every=10, learning_rate=1e-2),
}
EACH_GRID = pytest.mark.parametrize("grid", GRIDS.values(), ids=list(GRIDS))


def at_place(grid, found, place):
    """What is left of one model of a grid."""
    for name, values in found.items():
        if name.startswith("frames.weights"):
            yield values[(slice(None), *place[:-1])]
        elif not name.endswith(".step"):
            yield values[(slice(None), *place) if name.startswith("curve.") else place]


@EACH_GRID
@pytest.mark.parametrize("programs", ["one each", "one", "by batches"])
def test_a_model_of_a_grid_is_that_model_alone(grid, digits, monkeypatch, programs):
    """To the bit where each has the same program; to rounding where it shares one, or a batch."""
    bits = programs == "one each"
    if programs != "by batches":
        most = math.prod(grid.shape) if bits else 1
        monkeypatch.setattr(backend, "division", lambda replicas, groups: (min(most, replicas), 1))
    grid = replace(grid, steps=60)
    together = fit(grid, digits)
    for last in (True, False) if bits else (True,):
        place = tuple(size - 1 if last else 0 for size in grid.shape)
        place = (*place[:-1], 0) if grid.frames else place
        labels = {
            name: values[at] for (name, values), at in zip(grid.axes.items(), place, strict=True)
        }
        alone = grid.at(**{name: [label] if bits else label for name, label in labels.items()})
        found = fit(alone, digits)
        pairs = zip(
            at_place(grid, together, place),
            at_place(alone, found, (0,) * len(alone.shape)),
            strict=True,
        )
        for mine, its in pairs:
            assert not bits or np.array_equal(mine, its)
            np.testing.assert_allclose(mine, its, rtol=1e-4, atol=2e-6)


OTHER_BACKEND = """
import json
from test_fit import TECHNIQUES, batch
from regularization.core import data, model
from regularization.core.backend import ops
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.techniques import *
for technique in TECHNIQUES:
    state, x, labels, noise = batch(technique)
    for _ in range(3):
        state, error, loss = model.step(technique, state, x, labels, noise, 0.01)
        print(json.dumps([ops.convert_to_numpy(loss).tolist()] +
                         [ops.convert_to_numpy(state[0][k]).tolist() for k in sorted(state[0])]))
digits = data.load("digits")
for technique in (Technique(), Dropout(0.5), GaussianWeights(0.5)):
    found = fit(Settings(technique, steps=1500, seeds=2, learning_rate=1e-3), digits)
    print(json.dumps(found["test_accuracy"].tolist()))
"""


def test_tensorflow_and_jax_take_the_same_steps_and_end_at_the_same_accuracy():
    """Same start, batch and noise: losses and parameters agree after each of three steps."""
    here, found = Path(__file__).parent, {}
    for name in backend.NAMES:
        path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
        process = run_python(OTHER_BACKEND, KERAS_BACKEND=name, PYTHONPATH=path)
        assert process.returncode == 0, process.stderr
        found[name] = [json.loads(line) for line in process.stdout.splitlines()]
    steps = 3 * len(TECHNIQUES)
    assert len(found["jax"]) == steps + 3
    for ours, theirs in zip(*(lines[:steps] for lines in found.values()), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert np.all(np.isfinite(a))
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    # They draw the same noise, so what is left between them is rounding: an image or two.
    accuracies = [np.array(lines[steps:]) for lines in found.values()]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.006)


def test_batches_go_through_every_image_once_an_epoch(digits):
    (take,) = new_trainer(Technique(), digits, [0]).orders
    count = len(digits.train_images)
    seen = np.concatenate([take(steps).ravel() for steps in (1, 30, 200)])
    first, second = seen[:count], seen[count : 2 * count]
    assert np.array_equal(np.sort(first), np.arange(count))
    assert np.array_equal(np.sort(second), np.arange(count)) and not np.array_equal(first, second)


def test_the_start_is_a_normal_cut_at_two_deviations(mnist):
    trainer = new_trainer(Technique(), mnist, [0])
    kernel = ops.convert_to_numpy(trainer.parameters["kernel"])
    assert kernel.shape == (1, 10, 784) and abs(kernel).max() <= 0.15
    # The standard deviation of a standard normal cut at two is 0.8796.
    assert kernel.std() == pytest.approx(0.075 * 0.8796, rel=0.02)


def test_what_belongs_to_a_batch_is_drawn_and_done_once_in_a_deeper_model():
    shapes = [(6, 9), (3, 6)]
    assert list(model.noise(Augmentation(), 4, shapes)) == ["batch"]
    draws = {k: d.shape for k, d in model.noise(Mixup(), 4, shapes).items()}
    assert draws == {"batch": (4, 1)}


@pytest.mark.parametrize(
    "technique", [WeightAveraging(50), EarlyStopping(3), MaxNorm(3.0)], ids=str
)
def test_a_deeper_model_has_its_update_and_its_weights_at_test_on_every_layer(technique, digits):
    found = fit(Settings(technique, steps=400, seeds=2, hidden=(16,), learning_rate=1e-2), digits)
    assert min(found["test_accuracy"]) > 0.6
    parameters = [name for name in found if name.startswith("parameters.")]
    assert all(f"{name}.1" in found for name in parameters if name.count(".") == 1)
    if technique == MaxNorm(3.0):
        for kernel in (found["weights"].reshape(2, 16, -1), found["parameters.kernel.1"]):
            assert np.linalg.norm(kernel, axis=-1).max() < 3.001


def test_early_stopping_keeps_what_was_best_on_validation(digits):
    """On fifty images with wrong labels, training on makes it worse."""
    settings = Settings(
        EarlyStopping(100),
        seeds=4,
        steps=3_000,
        learning_rate=1e-2,
        train_size=50,
        label_noise=0.4,
        every=50,
    )
    found = fit(settings, digits)
    scores, kept = found["curve.validation_accuracy"], found["validation_accuracy"]
    assert scores.shape == (60, 4)
    np.testing.assert_allclose(kept, scores.max(axis=0))
    validation = digits.validation_images, digits.validation_labels
    by_hand = [evaluation.correct(weights, *validation).mean() for weights in found["weights"]]
    np.testing.assert_allclose(kept, by_hand, atol=0.006)  # an image at the border
    assert kept.mean() > scores[-1].mean() + 0.02


def test_a_technique_may_train_one_number_a_replica(digits):
    @dataclass(frozen=True)
    class Louder(Technique):
        def parameters(self, kernel):
            return {"kernel": kernel, "volume": ops.ones_like(kernel[:, 0, 0])}

        def weights(self, parameters, noise=None):
            return per_replica(parameters["volume"], parameters["kernel"]) * parameters["kernel"]

    found = fit(Settings(Louder(), steps=100, seeds=2, learning_rate=1e-2), digits)
    volume = found["parameters.volume"]
    assert volume.shape == (2,) and np.all(volume > 1)


def test_a_deeper_model_is_kerass_with_dropout_and_a_penalty_on_every_layer():
    """Two hidden layers of one replica, their noise given: logits and penalty layer by layer."""
    shapes = [(6, 5), (4, 6), (3, 4)]
    kernels = model.initial_kernels(0, shapes)
    parameters = model.named([{"kernel": ops.convert_to_tensor(k[None])} for k in kernels])
    assert model.depth(parameters) == 3
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(1, 7, 5)).astype("float32")
    sizes = (5, 6, 4)
    keep = [rng.random((1, 7, size)) < 0.5 for size in sizes]
    layers = [keras.layers.Dense(len(k), use_bias=False, kernel_regularizer="l2") for k in kernels]
    hidden = x[0]
    for i, (layer, kernel) in enumerate(zip(layers, kernels, strict=True)):
        hidden = layer_input = np.where(keep[i][0], 2 * (np.maximum(hidden, 0) if i else hidden), 0)
        layer.build(layer_input.shape)
        layer.set_weights([kernel.T])
        hidden = ops.convert_to_numpy(layer(layer_input))
    noise = model.named([{"inputs": k} for k in keep])
    ours = model.logits(Dropout(0.5), parameters, ops.convert_to_tensor(x), noise)
    np.testing.assert_allclose(ops.convert_to_numpy(ours)[0], hidden, rtol=1e-4, atol=1e-6)
    # Keras's "l2" is 0.01 without the half.
    theirs = sum(float(sum(layer.losses)) for layer in layers)
    assert float(model.penalty(L2(0.02), parameters)[0]) == pytest.approx(theirs, rel=1e-5)


def test_what_a_deeper_model_wants_drawn_has_the_shape_of_each_layer():
    draws = model.noise(Dropout(0.5), 32, [(128, 784), (10, 128)])
    assert {k: d.shape for k, d in draws.items()} == {"inputs": (32, 784), "inputs.1": (32, 128)}
    draws = model.noise(GaussianWeights(), 32, [(128, 784), (10, 128)])
    assert {k: d.shape for k, d in draws.items()} == {"weights": (128, 784), "weights.1": (10, 128)}


def test_a_hidden_layer_learns_what_one_layer_cannot(digits):
    settings = Settings(steps=2_000, seeds=2, learning_rate=1e-3)
    flat, deep = (fit(replace(settings, hidden=hidden), digits) for hidden in ((), (64,)))
    assert {
        k: v.shape for k, v in deep.items() if k.partition(".")[0] in ("weights", "parameters")
    } == {
        "weights": (2, 64, 8, 8),
        "parameters.kernel": (2, 64, 8, 8),
        "parameters.kernel.1": (2, 10, 64),
    }
    assert np.mean(deep["train_accuracy"]) > np.mean(flat["train_accuracy"])


def test_each_model_trains_on_its_own_subset(digits):
    """Sizes and wrong labels side by side are what each is alone, on a set cut to it."""
    settings = Settings(steps=300, learning_rate=1e-2, seeds=[3])
    both = fit(replace(settings, train_size=[40, 200], label_noise=[0.5, 0.0]), digits)
    for i, size in enumerate((40, 200)):
        for j, share in enumerate((0.5, 0.0)):
            part = subset(digits, 3, size, share)
            cut = replace(
                digits,
                train_images=digits.train_images[part.indices],
                train_labels=part.labels.astype("uint8"),
            )
            alone = fit(settings, cut)
            np.testing.assert_allclose(both["weights"][i, j], alone["weights"], atol=2e-5)
            mine, its = both["train_accuracy"][i, j], alone["train_accuracy"]
            assert mine == pytest.approx(its, abs=0.01)


@pytest.mark.parametrize(
    "train_size, expected", [(None, 1_257), (500, 500), ([100, 500], [100, 500])]
)
def test_a_technique_is_told_the_number_of_training_images(digits, train_size, expected):
    """One number where all models have the same, else one for each of them."""
    told = Team(Settings(VariationalWeights(), seeds=1, train_size=train_size), digits).technique
    assert np.array_equal(told.train_size, expected)


def test_settings_that_the_digits_cannot_give_are_refused(digits):
    for wrong, word in [
        (dict(train_size=10**6), r"train_size=1000000\): expected .* 1,257"),
        (dict(train_size=10), "batch_size=32.* 1 to 10"),
        (dict(dataset="mnist"), "dataset='mnist'.*digits"),
    ]:
        with pytest.raises(ValueError, match=word):
            fit(Settings(**wrong), digits)


def test_images_come_back_from_the_device_as_they_went_whatever_their_size(digits):
    for cut in (1, 2, 3, 8):
        images = digits.train_images[:5, :cut, :cut]
        words = program.on_device(images)
        floats = ops.convert_to_numpy(program.as_floats(words, cut * cut))
        np.testing.assert_allclose(floats, images.reshape(5, -1) / 255, rtol=1e-6)


def test_a_loss_that_overflows_names_the_technique_the_step_and_the_seed(digits):
    with pytest.raises(FloatingPointError, match=r"L2\(strength=1e\+38\).*step 250, seed 6"):
        fit(Settings(L2(1e38), seeds=[6], learning_rate=1.0), digits)


@pytest.mark.parametrize("strength", [1e38, 1e25])
def test_on_a_grid_that_overflows_the_strength_is_named(digits, strength):
    """The smaller one overflows in the square of its gradient, which would stop Adam silently."""
    grid = L2([1e-3, strength, 1e-2])
    with pytest.raises(FloatingPointError, match=r"L2\(strength=1e\+\d\d\) .*, seed 6") as caught:
        fit(Settings(grid, seeds=[6], learning_rate=[0.5, 1.0]), digits)
    said = str(caught.value)
    assert f"strength={strength:g}" in said and re.search(r"learning rate (0\.5|1\.0)\.", said)


def test_replicas_are_divided_among_cores_but_not_on_an_accelerator(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(4), raising=False)
    monkeypatch.setattr(backend, "device", lambda: "CPU")
    assert [backend.division(n) for n in (1, 3, 5, 64)] == [(1, 1), (3, 3), (5, 4), (8, 4)]
    # Five programs of six, one compilation, rather than four of seven and eight: two.
    assert backend.division(30) == (5, 4)
    # Of twenty that share a batch, and twenty more, four programs of five; of two, one.
    assert [backend.division(40, 2), backend.division(10, 5)] == [(8, 4), (5, 4)]
    monkeypatch.setattr(backend, "device", lambda: "some accelerator")
    assert backend.division(4096) == backend.division(4096, 64) == (1, 1)


def test_an_accelerators_programs_take_the_same_steps(digits, monkeypatch):
    """Each knows how many: 250 at first, what a call's memory allows, and what is left."""
    settings = Settings(Dropout([0.2, 0.5]), steps=330, seeds=2, learning_rate=1e-3)
    here = fit(settings, digits)
    monkeypatch.setattr(backend, "device", lambda: "some accelerator")
    monkeypatch.setattr(team, "ON_ACCELERATOR", 100_000)
    there = fit(settings, digits)
    np.testing.assert_allclose(there["weights"], here["weights"], atol=2e-5)
    assert there["test_accuracy"] == pytest.approx(here["test_accuracy"], abs=0.003)


KNOWN_LENGTH = """
from regularization.core import backend, data
from regularization.core.program import int32
from regularization.core.settings import Settings
from regularization.core.team import Team
backend.device = lambda: "some accelerator"
team = Team(Settings(seeds=3), data.load("digits"))
(trainer,) = team.trainers
inputs = trainer.images, *trainer._next(250), trainer.which, {}, int32(250)
advance = team.program.advance.lower(trainer.arrays, trainer.rates, trainer.state, *inputs)
print(advance.compile().as_text())
"""


def test_an_accelerator_is_told_how_often_its_loop_goes_round():
    """Else it asks the host after every step whether to go on."""
    process = run_python(KNOWN_LENGTH, KERAS_BACKEND="jax")
    assert process.returncode == 0, process.stderr
    assert '"known_trip_count":{"n":"250"}' in process.stdout


def test_an_unknown_backend_is_refused():
    process = run_python("import regularization.core.backend", KERAS_BACKEND="torch")
    assert process.returncode != 0 and "Expected one of tensorflow, jax" in process.stderr


@pytest.mark.parametrize("technique", [L2(1e-3), WeightAveraging(steps=20), EarlyStopping()])
def test_frames_are_the_weights_of_the_first_seed_at_each_examination(digits, technique):
    settings = Settings(technique, steps=90, seeds=[1, 0], every=30, frames=100)
    found = fit(settings, digits)
    assert found["frames.step"].tolist() == [0, *found["curve.step"].tolist()] == [0, 30, 60, 90]
    frames = found["frames.weights"]
    np.testing.assert_array_equal(frames[-1], found["weights"][0])
    test = digits.test_images, digits.test_labels
    mine = [evaluation.correct(frame, *test).mean() for frame in frames[1:]]
    np.testing.assert_allclose(mine, found["curve.test_accuracy"][:, 0], atol=0.004)
    start = model.initial_kernels(1, [(10, 64)])[0]
    np.testing.assert_allclose(frames[0].reshape(10, 64), start, rtol=1e-6)


@pytest.mark.parametrize("every, steps", [(10, 800), (7, 500), (None, 9_000), (100, 100)])
@pytest.mark.parametrize("frames", [1, 2, 3, 20])
def test_frames_are_as_many_early_as_late_where_these_are_powers_of_ten(frames, every, steps):
    """By the rule that films had, in its own words; on a run that is not trained."""
    settings = Settings(steps=steps, every=every, frames=frames)
    evaluated = evaluated_at(settings)
    still = SimpleNamespace(
        models={"seed": np.array([0])},
        technique=Technique(),
        parameters=lambda: {"kernel": ops.ones((1, 10, 64))},
    )
    taken = Frames(settings, still, SimpleNamespace(shape=(8, 8)), evaluated)
    for step in evaluated:
        taken.take(step)
    at, (found, weights) = [0, *evaluated], taken.arrays().values()
    wanted = np.geomspace(at[1], at[-1], frames - 1)
    shown = [0, *np.unique(np.abs(np.subtract.outer(wanted, at)).argmin(axis=1))]
    assert found.tolist() == [at[i] for i in shown]
    assert weights.shape == (len(found), 10, 8, 8) and len(found) <= frames
    if frames == 20 and steps == 800:
        assert found[0] == 0 and found[1] == 10 and found[-1] == 800
        assert sum(found <= 90) - 1 == pytest.approx(len(found) / 2, abs=2)


def test_without_frames_there_are_none_and_with_a_grid_one_for_each_of_its_places(digits):
    assert not any("frames" in name for name in fit(Settings(steps=2), digits))
    grid = Settings(L2([0.0, 0.1, 1.0]), steps=4, seeds=[6, 2], learning_rate=[1e-3, 1e-2], every=2)
    found = fit(replace(grid, frames=3), digits)
    assert found["frames.weights"].shape == (3, 3, 2, 10, 8, 8)
    np.testing.assert_array_equal(found["frames.weights"][-1], found["weights"][:, :, 0])


def test_what_is_left_has_an_axis_for_each_of_the_settings(digits):
    grid = Settings(
        EarlyStopping([1, 2]),
        steps=6,
        every=3,
        seeds=3,
        train_size=[100, 200],
        label_noise=[0, 0.5],
    )
    found, models = fit(grid, digits), (2, 2, 2, 3)
    accuracies = ("train", "validation", "test")
    expected = {f"{name}_accuracy": models for name in accuracies}
    expected |= {"weights": (*models, 10, 8, 8), "test_accuracy_as_published": models}
    expected |= {f"parameters.{name}": (*models, 10, 8, 8) for name in ("kernel", "best")}
    curves = ("train_loss", "test_accuracy", "validation_accuracy")
    expected |= {f"curve.{name}": (2, *models) for name in curves} | {"curve.step": (2,)}
    assert {name: values.shape for name, values in found.items()} == expected


def test_the_loop_tells_how_far_it_is(digits):
    told = []
    found = fit(Settings(steps=70, every=30), digits, tell=lambda *said: told.append(said))
    assert [done for done, _ in told] == found["curve.step"].tolist() == [30, 60, 70]
    assert all(seconds > 0 for _, seconds in told)


@pytest.mark.parametrize(
    "steps, every, evaluated",
    [
        (100, None, [100]),
        (600, None, [250, 500, 600]),
        (7_500, None, [*range(250, 5_001, 250), 6_000, 7_000, 7_500]),
        (7_500, 3_000, [3_000, 6_000, 7_500]),
        (2, 1, [1, 2]),
    ],
)
def test_a_model_is_examined_often_at_first_and_at_the_end(steps, every, evaluated):
    assert evaluated_at(Settings(steps=steps, every=every)) == evaluated
