"""The JavaScript of the living pages: its own tests, and against Python on the same numbers."""

import json
import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT

from regularization import model
from regularization.backend import ops
from regularization.experiments import TECHNIQUES
from regularization.measures import stopping

HERE = ROOT / "tests" / "living"
STEPS, BATCH, RATE = 12, 8, 1e-2


@pytest.fixture(scope="module")
def node():
    """Run node on a file of tests; what it prints is shown where one fails."""
    if shutil.which("node") is None:
        pytest.skip("JavaScript cannot be run: there is no node")

    def run(*arguments, **environment):
        process = subprocess.run(
            ["node", "--test", *map(str, arguments)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert process.returncode == 0, process.stdout[-6000:] + process.stderr[-2000:]
        assert "# pass 0" not in process.stdout
        return process.stdout

    return run


def test_its_own_tests_pass(node):
    node(*sorted(HERE.glob("*.test.js")))


def drawn(technique, shapes, rng):
    """Noise of one step, as the technique wants it, of NumPy's generator."""
    kinds = {
        "bernoulli": lambda what: rng.random(what.shape) < what.parameter,
        "normal": lambda what: rng.standard_normal(what.shape, "float32"),
        "rotated": lambda what: rng.standard_normal(what.shape, "float32"),
        "uniform": lambda what: rng.random(what.shape, "float32"),
        "beta": lambda what: rng.beta(what.parameter, what.parameter, what.shape).astype("float32"),
    }
    draws = model.noise(technique, BATCH, shapes)
    return {hook: kinds[what.kind](what) for hook, what in draws.items()}


def steps_of(slug, digits):
    """Steps that Python takes, and what JavaScript needs to take them too."""
    experiment, rng = TECHNIQUES[slug], np.random.default_rng(0)
    technique = experiment.technique
    if "train_size" in technique.settings():
        technique = replace(technique, train_size=len(digits.train_images))
    flat = digits.train_images.reshape(len(digits.train_images), -1)
    shapes = [(digits.classes, flat.shape[1])]
    kernel = model.initial_kernels(0, shapes)[0]
    parameters = technique.parameters(ops.convert_to_tensor(kernel[None]))
    zeros = {name: ops.zeros_like(value) for name, value in parameters.items()}
    state, taken = (parameters, zeros, zeros, ops.zeros((), "int32")), []
    for _ in range(STEPS):
        numbers = rng.permutation(len(flat))[:BATCH]
        noise = drawn(technique, shapes, rng)
        taken.append({"numbers": numbers.tolist()})
        taken[-1] |= {hook: values.astype(float).ravel().tolist() for hook, values in noise.items()}
        x = ops.convert_to_tensor(np.float32(flat[numbers][None] / 255))
        labels = ops.convert_to_tensor(digits.train_labels[numbers][None].astype("int32"))
        given = {hook: ops.convert_to_tensor(values[None]) for hook, values in noise.items()}
        loss = model.LOSSES[experiment.loss]
        state, error, _ = model.step(technique, state, x, labels, given, RATE, loss)
    parameters = technique.review(state[0], np.array([[0.5]]))  # examined once, at the end
    weights = technique.weights(technique.at_test(parameters))
    return {
        "name": slug,
        "settings": {
            "technique": type(technique).__name__,
            "hyper": technique.settings(),
            "loss": experiment.loss,
            "rate": RATE,
            "batch": BATCH,
            "seed": 0,
        },
        "kernel": kernel.ravel().tolist(),
        "steps": taken,
        "weights": ops.convert_to_numpy(weights).ravel().tolist(),
        "loss": float(error[0]),
    }


def test_every_technique_takes_the_same_steps(node, digits, tmp_path):
    rng = np.random.default_rng(1)
    scores = [rng.integers(0, 6, size=12).tolist() for _ in range(200)]
    patience = rng.integers(1, 5, size=len(scores)).tolist()
    reference = {
        "digits": {
            "pixels": int(np.prod(digits.shape)),
            "classes": digits.classes,
            "images": digits.train_images.ravel().tolist(),
            "labels": digits.train_labels.tolist(),
        },
        "cases": [steps_of(slug, digits) for slug in TECHNIQUES],
        "stopping": [
            {"scores": each, "patience": p, "best": int(stopping(np.array(each), p)[0])}
            for each, p in zip(scores, patience, strict=True)
        ],
    }
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(reference))
    said = node(HERE / "steps.reference.js", REFERENCE=str(path))
    assert f"# pass {len(TECHNIQUES) + 1}" in said
