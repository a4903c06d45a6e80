"""The JavaScript of the living pages: its own tests, and against Python on the same numbers."""

import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import ON_EACH, ROOT, read_living, saved
from scipy import stats

from regularization import web
from regularization.analysis import evaluation
from regularization.core import model
from regularization.core.backend import ops
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.techniques.early_stopping import stopping
from regularization.study.registry import EXPERIMENTS, TECHNIQUES

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
            cwd=ROOT,
            encoding="utf-8",
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
    # As the loop tells it how many images there are.
    technique = experiment.technique.with_arrays({"train_size": len(digits.train_images)})
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
    parameters = technique.review(state[0], np.array([[0.5]]))  # evaluated once, at the end
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


def test_what_is_compiled_is_what_its_source_says(tmp_path):
    """kernels.wasm is kept beside kernels.ts: neither a page nor a build needs the compiler."""
    compiler = ROOT / "node_modules" / ".bin" / "asc"
    if not compiler.exists():
        pytest.skip("AssemblyScript is not here: `npm install` brings it")
    scripts = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["scripts"]
    kept = "book/assets/living/kernels.wasm"
    command = scripts["kernels"].replace(f"-o {kept}", f"-o {tmp_path / 'kernels.wasm'}")
    subprocess.run([compiler, *command.split()[1:]], cwd=ROOT, check=True)
    assert (tmp_path / "kernels.wasm").read_bytes() == (ROOT / kept).read_bytes()


@pytest.mark.parametrize(
    "kernels", ["", ROOT / "book/assets/living/kernels.wasm"], ids=["plain", "compiled"]
)
def test_every_technique_takes_the_same_steps(node, digits, tmp_path, kernels):
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
    path.write_text(json.dumps(reference), encoding="utf-8")
    said = node(HERE / "steps.reference.js", REFERENCE=str(path), KERNELS=str(kernels))
    assert f"# pass {len(TECHNIQUES) + 1}" in said


@ON_EACH
def test_the_forward_pass_is_pythons(node, built, tmp_path):
    """On the digits that the page loads, with the weights that it loads, against the saved runs."""
    results = built / "results"
    slugs = [each["slug"] for each in read_living(results / "weights.bin")[1]["techniques"]]
    of_runs = [saved(built, slug).weights[0] for slug in slugs]
    images = read_living(results / "test_digits.bin")[0]["images"]
    logits = np.stack([evaluation.logits(weights, images) for weights in of_runs])
    assert len(images) == min(1_000, logits.shape[1])
    web.save("reference.bin", {"logits": np.float32(logits)}, {}, tmp_path)
    node(
        HERE / "logits.reference.js",
        WEIGHTS=str(results / "weights.bin"),
        DIGITS=str(results / "test_digits.bin"),
        REFERENCE=str(tmp_path / "reference.bin"),
    )


def test_mnists_images_come_back_from_mnists_images(node, mnist, tmp_path):
    images = mnist.test_images[::5]
    web.save("reference.bin", {"images": images}, web.of_data(mnist), tmp_path)
    node(HERE / "likeness.reference.js", REFERENCE=str(tmp_path / "reference.bin"))


@pytest.mark.parametrize(
    "dataset, slugs",
    [("digits", TECHNIQUES), pytest.param("mnist", EXPERIMENTS, marks=pytest.mark.thorough)],
)
def test_training_in_the_browser_ends_where_ours_does(node, request, tmp_path, dataset, slugs):
    """The same digits, steps and settings, each from five seeds of its own generator."""
    digits = request.getfixturevalue(dataset)
    small = web.training_digits(digits, np.arange(len(digits.test_images))[: web.TEST])
    steps, seeds, rate, ours, cases = 1_000, 5, 1e-3, {}, []
    for slug in slugs:
        experiment = TECHNIQUES[slug]
        technique, loss = experiment.technique, experiment.loss
        settings = Settings(technique, steps, seeds, learning_rate=rate, loss=loss, every=250)
        name = type(technique).__name__
        ours[name] = fit(settings, small)["test_accuracy"]
        of_case = {"technique": name, "hyper": technique.settings()}
        cases.append(of_case | {"loss": loss, "rate": rate, "batch": 32})
    names = ("train", "validation", "test")
    parts = [f"{name}_{kind}" for name in names for kind in ("images", "labels")]
    about = {"cases": cases, "steps": steps, "seeds": seeds}
    web.save("reference.bin", {part: getattr(small, part) for part in parts}, about, tmp_path)
    said = node(HERE / "accuracy.reference.js", REFERENCE=str(tmp_path / "reference.bin"))
    theirs = {}
    for found in re.findall(r"accuracy (\{.*\})", said):
        theirs |= json.loads(found)
    assert theirs.keys() == ours.keys()
    # Twenty comparisons, once in a thousand each; and no difference that a reader would see.
    apart = {name: np.mean(theirs[name]) - np.mean(ours[name]) for name in ours}
    p = {name: stats.ttest_ind(theirs[name], ours[name], equal_var=False)[1] for name in ours}
    assert all(p[name] > 1e-3 and abs(apart[name]) < 0.02 for name in ours), (apart, p)
