"""The loop: its gradient against finite differences, its steps against Keras and by hand."""

import itertools
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import run_python

from regularization.core import backend, model
from regularization.core import fit as training
from regularization.core.backend import ops
from regularization.core.technique import Technique, per_replica
from regularization.core.techniques import (
    L2,
    Augmentation,
    Dropout,
    EarlyStopping,
    GaussianWeights,
    MaxNorm,
    Mixup,
    SpectralNormalization,
    WeightAveraging,
    WeightDecay,
)
from regularization.study import presets
from regularization.study import registry as experiments


def strong(experiment):
    """An experiment's technique at the hardest value that equal care tries: its effect shows."""
    hardest = {name: values[-1] for name, values in experiment.tried.items()}
    return replace(experiment.technique, **hardest)


ALL = (experiments.TECHNIQUES | experiments.CORRECTIONS).values()
TECHNIQUES = [strong(each) for each in ALL if not each.strengths]
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
    return training.Team(technique, digits, seeds, learning_rate).trainers[0]


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


def test_adam_is_kerass_adam():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(1, 3, 4)).astype("float32")
    variable = keras.Variable(start)
    theirs = keras.optimizers.Adam(learning_rate=0.01, epsilon=1e-8)
    zero = {"kernel": ops.zeros_like(start)}
    state = ({"kernel": ops.convert_to_tensor(start)}, zero, zero, ops.zeros((), "int32"))
    for _ in range(20):
        gradient = ops.convert_to_tensor(rng.normal(size=start.shape).astype("float32"))
        theirs.apply([gradient], [variable])
        state = model.adam(state, {"kernel": gradient}, 0.01)
    ours = ops.convert_to_numpy(state[0]["kernel"])
    np.testing.assert_allclose(ours, ops.convert_to_numpy(variable), rtol=1e-5, atol=1e-6)


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
    run = training.fit(technique, digits, steps=steps, seeds=[3], learning_rate=rate)
    np.testing.assert_allclose(run.weights[0].reshape(10, 64), w, atol=2e-4)
    right = (digits.test_images.reshape(-1, 64) @ w.T).argmax(axis=1) == digits.test_labels
    assert run.test_accuracy[0] == pytest.approx(right.mean(), abs=0.003)


@KINDS
def test_same_seed_same_bits_and_neither_company_nor_division_changes_a_run(
    technique, digits, monkeypatch
):
    """Twice in one program; then each model in a program of its own, in shorter calls."""
    # Where two singular values are equal the gradient of the largest jumps, and rounding grows.
    steps = 30 if isinstance(technique, SpectralNormalization) else 300
    settings = dict(steps=steps, seeds=[7, 4, 1], learning_rate=1e-3)
    monkeypatch.setattr(backend, "division", lambda replicas: (1, 1))
    together, again = (training.fit(technique, digits, **settings) for _ in range(2))
    assert np.array_equal(together.weights, again.weights)
    assert together.test_accuracy_as_published == again.test_accuracy_as_published
    for one, other in itertools.combinations(together.weights, 2):
        assert not np.allclose(one, other)
    monkeypatch.setattr(backend, "division", lambda replicas: (min(3, replicas), 2))
    monkeypatch.setattr(training, "NOISE_BYTES", 100_000)  # dropout: 48 steps a call
    apart = training.fit(technique, digits, **settings)
    # A sum may be taken in another order: the same models, to rounding.
    np.testing.assert_allclose(apart.weights, together.weights, atol=2e-5)
    assert apart.test_accuracy == pytest.approx(together.test_accuracy, abs=0.003)


OTHER_BACKEND = """
import json
from test_training import TECHNIQUES, batch
from regularization.core import data, fit as training, model
from regularization.core.backend import ops
from regularization.core.techniques import *
for technique in TECHNIQUES:
    state, x, labels, noise = batch(technique)
    for _ in range(3):
        state, error, loss = model.step(technique, state, x, labels, noise, 0.01)
        print(json.dumps([ops.convert_to_numpy(loss).tolist()] +
                         [ops.convert_to_numpy(state[0][k]).tolist() for k in sorted(state[0])]))
digits = data.load("digits")
for technique in (Technique(), Dropout(0.5), GaussianWeights(0.5)):
    run = training.fit(technique, digits, steps=1500, seeds=2, learning_rate=1e-3)
    print(json.dumps(run.test_accuracy))
"""


def test_tensorflow_and_jax_take_the_same_steps_and_end_at_the_same_accuracy():
    """Same start, batch and noise: losses and parameters agree after each of three steps."""
    here, found = Path(__file__).parent, {}
    for name in backend.NAMES:
        path = os.pathsep.join(map(str, (here, here.parent)))
        process = run_python(OTHER_BACKEND, KERAS_BACKEND=name, PYTHONPATH=path)
        assert process.returncode == 0, process.stderr
        found[name] = [json.loads(line) for line in process.stdout.splitlines()]
    steps = 3 * len(TECHNIQUES)
    assert len(found["jax"]) == steps + 3
    for ours, theirs in zip(*(lines[:steps] for lines in found.values()), strict=True):
        for a, b in zip(ours, theirs, strict=True):
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


def test_a_path_of_strengths_is_trained_in_one_run(digits):
    settings = dict(steps=300, learning_rate=1e-2)
    path = training.fit(L2(np.array([0.0, 0.1])), digits, seeds=[1, 1], **settings)
    for i, strength in enumerate([0.0, 0.1]):
        single = training.fit(L2(strength), digits, seeds=[1], **settings)
        np.testing.assert_allclose(path.weights[i], single.weights[0], atol=2e-5)


def test_each_replica_has_its_own_learning_rate(digits):
    settings = dict(steps=300, train_size=500)
    both = training.fit(
        WeightDecay(1.0), digits, seeds=[1, 1], learning_rate=[1e-3, 1e-2], **settings
    )
    assert both.learning_rate == [1e-3, 1e-2]
    for i, rate in enumerate(both.learning_rate):
        alone = training.fit(WeightDecay(1.0), digits, seeds=[1], learning_rate=rate, **settings)
        np.testing.assert_allclose(both.weights[i], alone.weights[0], atol=2e-5)
        assert both.of_replicas([i]).learning_rate == [rate]


def test_what_belongs_to_a_batch_is_drawn_and_done_once_in_a_deeper_model():
    shapes = [(6, 9), (3, 6)]
    assert list(model.noise(Augmentation(), 4, shapes)) == ["batch"]
    draws = {k: d.shape for k, d in model.noise(Mixup(), 4, shapes).items()}
    assert draws == {"batch": (4, 1)}


@pytest.mark.parametrize(
    "technique", [WeightAveraging(50), EarlyStopping(3), MaxNorm(3.0)], ids=str
)
def test_a_deeper_model_has_its_update_and_its_weights_at_test_on_every_layer(technique, digits):
    run = training.fit(technique, digits, steps=400, seeds=2, hidden=(16,), learning_rate=1e-2)
    assert min(run.test_accuracy) > 0.6
    assert all(f"{name}.1" in run.parameters for name in run.parameters if "." not in name)
    if technique == MaxNorm(3.0):
        for kernel in (run.weights.reshape(2, 16, -1), run.parameters["kernel.1"]):
            assert np.linalg.norm(kernel, axis=-1).max() < 3.001


def test_early_stopping_keeps_what_was_best_on_validation(digits):
    """On fifty images with wrong labels, training on makes it worse."""
    settings = dict(seeds=4, steps=3_000, learning_rate=1e-2, train_size=50, label_noise=0.4)
    run = training.fit(EarlyStopping(100), digits, every=50, **settings)
    scores = np.array(run.curve["validation_accuracy"])
    assert scores.shape == (60, 4)
    kept = experiments.on_validation(run, digits)
    np.testing.assert_allclose(kept, scores.max(axis=0))
    assert kept.mean() > scores[-1].mean() + 0.02


def test_a_technique_may_train_one_number_a_replica(digits):
    @dataclass(frozen=True)
    class Louder(Technique):
        def parameters(self, kernel):
            return {"kernel": kernel, "volume": ops.ones_like(kernel[:, 0, 0])}

        def weights(self, parameters, noise=None):
            return per_replica(parameters["volume"], parameters["kernel"]) * parameters["kernel"]

    run = training.fit(Louder(), digits, steps=100, seeds=2, learning_rate=1e-2)
    assert run.parameters["volume"].shape == (2,) and np.all(run.parameters["volume"] > 1)


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
    settings = dict(steps=2_000, seeds=2, learning_rate=1e-3)
    flat, deep = (training.fit(Technique(), digits, hidden=h, **settings) for h in ((), (64,)))
    assert deep.weights.shape == (2, 64, 8, 8) and deep.hidden == [64]
    assert {k: v.shape for k, v in deep.parameters.items()} == {
        "kernel": (2, 64, 8, 8),
        "kernel.1": (2, 10, 64),
    }
    assert np.mean(deep.train_accuracy) > np.mean(flat.train_accuracy)


def test_a_portion_holds_its_smaller_ones_and_differs_between_seeds(digits):
    small, large = (training.portion(digits, 3, size) for size in (50, 200))
    assert np.array_equal(small.numbers, large.numbers[:50])
    assert len(set(large.numbers)) == 200
    assert np.array_equal(large.labels, digits.train_labels[large.numbers])
    assert not np.array_equal(small.numbers, training.portion(digits, 4, 50).numbers)
    whole = training.portion(digits, 3)
    assert np.array_equal(whole.numbers, np.arange(len(digits.train_images)))


def test_label_noise_gives_a_share_of_the_images_another_label(digits):
    clean, some, more = (training.portion(digits, 3, None, share) for share in (0, 0.2, 0.4))
    wrong = [part.labels != clean.labels for part in (some, more)]
    for share, where in zip((0.2, 0.4), wrong, strict=True):
        assert where.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 1257))
    assert np.all(wrong[1][wrong[0]])
    assert set(more.labels[wrong[1]]) == set(range(10))


def test_each_replica_trains_on_its_own_portion(digits):
    """Sizes and wrong labels side by side are what each is alone, on a set cut to it."""
    settings = dict(steps=300, learning_rate=1e-2)
    both = training.fit(
        Technique(), digits, seeds=[3, 3], train_size=[40, 200], label_noise=[0.5, 0], **settings
    )
    assert both.train_size == [40, 200] and both.label_noise == [0.5, 0]
    for i, (size, share) in enumerate([(40, 0.5), (200, 0)]):
        part = training.portion(digits, 3, size, share)
        cut = replace(
            digits,
            train_images=digits.train_images[part.numbers],
            train_labels=part.labels.astype("uint8"),
        )
        alone = training.fit(Technique(), cut, seeds=[3], **settings)
        np.testing.assert_allclose(both.weights[i], alone.weights[0], atol=2e-5)
        assert both.train_accuracy[i] == pytest.approx(alone.train_accuracy[0], abs=0.01)


@pytest.mark.parametrize(
    "settings, word",
    [
        (dict(train_size=10**6), r"train_size=1000000\): expected .* 1,257"),
        (dict(train_size=0), "train_size=0"),
        (dict(train_size=[100.5, 10]), "train_size=100.5"),
        (
            dict(train_size=[100]),
            r"train_size=\[100\]\): .* one for each of the 2 seeds",
        ),
        (dict(train_size=10), "batch_size=32.* 1 to 10"),
        (dict(label_noise=1.5), "label_noise=1.5"),
        (dict(label_noise=float("nan")), "label_noise=nan"),
        (dict(loss="hinge"), "loss='hinge'.*squared_error, cross_entropy"),
        (dict(hidden=(0,)), r"hidden=\(0,\)"),
        (dict(hidden=128), "hidden=128"),
        (dict(every=0), "every=0"),
        (dict(preset="papre"), "no preset 'papre'"),
        (dict(steps=0), "steps=0"),
        (dict(steps=1.5), "steps=1.5"),
        (dict(seeds=[]), "seeds="),
        (dict(seeds=[-1]), "seeds="),
        (dict(learning_rate=0), "learning_rate=0"),
        (dict(learning_rate=float("nan")), "learning_rate=nan"),
        (dict(learning_rate=[1e-3, -1]), "learning_rate=-1"),
        (dict(learning_rate=[1e-3]), r"learning_rate=\[0.001\]"),
        (dict(learning_rate=1e-50), "learning_rate=1e-50"),
        (dict(learning_rate=[[1e-3], [1e-3, 1e-2]]), r"learning_rate=\[\[0.001\]"),
        (dict(seeds="12"), "seeds='12'"),
        (dict(seeds=[0.7, 1.9]), r"seeds=\[0.7, 1.9\]"),
        (dict(seeds=1.5), "seeds=1.5"),
        (dict(seeds=True), "seeds=True"),
        (dict(hidden=None), "hidden=None"),
        (dict(loss=["hinge"]), r"loss=\['hinge'\]"),
        (dict(preset=["quick"]), "no preset"),
        (dict(learning_rate="fast"), "learning_rate='fast'"),
        (dict(batch_size=0), "batch_size=0"),
        (dict(batch_size=10**6), "batch_size=1000000"),
    ],
)
def test_settings_that_make_no_sense_are_refused(digits, settings, word):
    with pytest.raises(ValueError, match=word) as caught:
        training.fit(Technique(), digits, **settings)
    assert "xpected" in str(caught.value)


def test_what_is_not_a_technique_and_a_path_of_the_wrong_length_are_refused(digits):
    with pytest.raises(ValueError, match="expected a technique"):
        training.fit("dropout", digits)
    with pytest.raises(ValueError, match="one strength, or one for each"):
        training.fit(L2(np.ones(3)), digits, seeds=2)


def test_images_come_back_from_the_device_as_they_went_whatever_their_size(digits):
    for cut in (1, 2, 3, 8):
        images = digits.train_images[:5, :cut, :cut]
        words = training.on_device(images)
        floats = ops.convert_to_numpy(training.as_floats(words, cut * cut))
        np.testing.assert_allclose(floats, images.reshape(5, -1) / 255, rtol=1e-6)


def test_a_loss_that_overflows_names_the_technique_the_step_and_the_seed(digits):
    with pytest.raises(FloatingPointError, match=r"L2\(strength=1e\+38\).*step 250, seed 6"):
        training.fit(L2(1e38), digits, seeds=[6], learning_rate=1.0)


@pytest.mark.parametrize("strength", [1e38, 1e25])
def test_on_a_grid_that_overflows_the_strength_is_named(digits, strength):
    """The smaller one overflows in the square of its gradient, which would stop Adam silently."""
    grid = L2(np.array([1e-3, strength, 1e-2]))
    with pytest.raises(FloatingPointError, match=r"L2\(strength=1e\+\d\d\).*replica 1") as caught:
        training.fit(grid, digits, seeds=[6, 6, 6], learning_rate=1.0)
    assert f"strength={strength:g}" in str(caught.value)


def test_replicas_are_divided_among_cores_but_not_on_an_accelerator(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(4), raising=False)
    monkeypatch.setattr(backend, "device", lambda: "CPU")
    assert [backend.division(n) for n in (1, 3, 5, 64)] == [(1, 1), (3, 3), (5, 4), (8, 4)]
    # Five programs of six, one compilation, rather than four of seven and eight: two.
    assert backend.division(30) == (5, 4)
    monkeypatch.setattr(backend, "device", lambda: "some accelerator")
    assert backend.division(4096) == (1, 1)


def test_an_unknown_backend_is_refused():
    process = run_python("import regularization.core.backend", KERAS_BACKEND="torch")
    assert process.returncode != 0 and "Expected one of tensorflow, jax" in process.stderr


def test_presets_are_what_is_published():
    assert presets.get("paper") == (150_000, (0, 1, 2, 3, 4))
