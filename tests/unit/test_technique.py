"""What all techniques have in common: a few lines, a family, ranges, a neutral base."""

import ast
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

from regularization.core.technique import CHANGES, Technique
from regularization.core.techniques import (
    L1,
    L2,
    Augmentation,
    DropConnect,
    Dropout,
    EarlyStopping,
    ElasticNet,
    GaussianWeights,
    InputNoise,
    LabelSmoothing,
    MaxNorm,
    Mixup,
    SpectralNormalization,
    VariationalWeights,
    WeightAveraging,
    WeightDecay,
    WeightNoise,
    WeightNormalization,
)
from regularization.study.registry import TECHNIQUES

EACH = pytest.mark.parametrize("slug", list(TECHNIQUES)[1:])
KERNEL = np.ones((2, 10, 9), "float32")


def test_no_regularization_changes_nothing():
    plain, x = Technique(), np.ones((2, 5, 9), "float32")
    parameters = plain.parameters(KERNEL)
    assert plain.weights(parameters) is KERNEL and plain.inputs(x) is x and plain.images(x) is x
    assert plain.labels(x) is x and plain.penalty(parameters) == 0
    assert plain.update(None, parameters, 0.1) is parameters
    assert plain.review(parameters, None) is plain.at_test(parameters) is parameters
    assert plain.noise(x.shape, KERNEL.shape) == {} and plain.changes == []


def lines_of_code(kind):
    """The lines of a class that are neither blank, nor comment, nor docstring."""
    tree = ast.parse(inspect.getsource(kind))
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return len(ast.unparse(tree).replace("\n\n", "\n").splitlines())


def test_lines_of_code_are_counted_without_docstrings_and_blanks():
    assert lines_of_code(Technique) > 30
    assert lines_of_code(WeightNoise) == 8


@EACH
def test_a_technique_is_at_most_fifteen_lines_in_the_module_of_its_name(slug):
    kind = type(TECHNIQUES[slug].technique)
    assert lines_of_code(kind) <= 15
    assert kind.__module__ == f"regularization.core.techniques.{slug}"
    assert inspect.getdoc(sys.modules[kind.__module__]) and inspect.getdoc(kind)
    assert (Path(__file__).parent / "techniques" / f"test_{slug}.py").is_file()


def test_each_belongs_to_the_families_of_what_it_changes():
    expected = {
        "no_regularization": [],
        "dropout": ["inputs"],
        "gaussian_weights": ["weights"],
        "l2": ["loss"],
        "weight_normalization": ["weights"],
        "l1": ["loss"],
        "elastic_net": ["loss"],
        "weight_decay": ["update"],
        "max_norm": ["update"],
        "spectral_normalization": ["weights"],
        "weight_normalization_with_gain": ["weights"],
        "dropconnect": ["weights"],
        "weight_noise": ["weights"],
        "variational_weights": ["weights", "loss"],
        "input_noise": ["inputs"],
        "augmentation": ["inputs"],
        "mixup": ["inputs", "labels"],
        "label_smoothing": ["labels"],
        "early_stopping": ["update"],
        "weight_averaging": ["update"],
    }
    assert {slug: TECHNIQUES[slug].technique.changes for slug in expected} == expected
    assert set().union(*expected.values()) == set(CHANGES)


def test_the_technique_of_some_replicas_has_their_hyperparameters():
    path = L2(strength=np.array([0.1, 0.2, 0.3])).of_replicas([2, 0])
    assert path.strength.tolist() == np.float32([0.3, 0.1]).tolist()
    assert Dropout(rate=0.3).of_replicas([2, 0]) == Dropout(rate=0.3)


@pytest.mark.parametrize(
    "make, name, expected",
    [
        (lambda: Dropout(rate=1.0), "rate=1.0", "less than 1"),
        (lambda: Dropout(rate=-0.1), "rate=-0.1", "less than 1"),
        (lambda: Dropout(rate=float("nan")), "rate=nan", "less than 1"),
        (lambda: Dropout(rate="half"), "rate='half'", "less than 1"),
        (lambda: Dropout(rate=np.array([0.5, 1.5])), "rate=array", "less than 1"),
        (lambda: DropConnect(rate=1), "rate=1", "less than 1"),
        (lambda: L1(strength=-1), "strength=-1", "at least 0"),
        (lambda: L2(strength=-1e-9), "strength=-1e-09", "at least 0"),
        (lambda: L2(strength=None), "strength=None", "at least 0"),
        (lambda: ElasticNet(strength=-1), "strength=-1", "at least 0"),
        (lambda: ElasticNet(share=1.1), "share=1.1", "from 0 to 1"),
        (lambda: WeightDecay(strength=-1), "strength=-1", "at least 0"),
        (lambda: InputNoise(scale=-1), "scale=-1", "at least 0"),
        (lambda: WeightNoise(scale=-1), "scale=-1", "at least 0"),
        (lambda: GaussianWeights(noise_scale=-1), "noise_scale=-1", "at least 0"),
        (lambda: Augmentation(pixels=-1), "pixels=-1", "at least 0"),
        (lambda: Augmentation(degrees=-1), "degrees=-1", "at least 0"),
        (lambda: WeightNormalization(norm=0), "norm=0", "above 0"),
        (lambda: MaxNorm(norm=0), "norm=0", "above 0"),
        (lambda: SpectralNormalization(norm=0), "norm=0", "above 0"),
        (lambda: VariationalWeights(prior=0), "prior=0", "above 0"),
        (lambda: L2(strength=float("inf")), "strength=inf", "at least 0"),
        (lambda: L2(strength=[[1.0], [1.0, 2.0]]), "strength=[[1.0]", "at least 0"),
        (lambda: L2(strength=[[0.1, 0.2]]), "strength=[[0.1", "at least 0"),
        (lambda: L2(strength=[]), "strength=[]", "at least 0"),
        (lambda: L2(strength=True), "strength=True", "at least 0"),
        (lambda: L2(strength=-np.ones(300)), "strength=array([-1., ", "at least 0"),
        (lambda: Mixup(concentration=0), "concentration=0", "above 0"),
        (lambda: LabelSmoothing(rate=1.5), "rate=1.5", "from 0 to 1"),
        (lambda: EarlyStopping(patience=0), "patience=0", "at least 1"),
        (lambda: WeightAveraging(steps=0.5), "steps=0.5", "at least 1"),
    ],
)
def test_a_hyperparameter_out_of_range_is_refused(make, name, expected):
    with pytest.raises(ValueError, match=f"{expected}.*Give a value") as caught:
        make()
    message = str(caught.value)
    assert name in message and "\n" not in message and len(message) < 500


def test_how_many_images_there_are_is_told_and_not_a_hyperparameter():
    assert "train_size" not in VariationalWeights().settings() and Technique.train_size is None
    with pytest.raises(TypeError, match="train_size"):
        VariationalWeights(train_size=50)
    told = VariationalWeights(prior=[1.0, 2.0]).with_arrays({"train_size": np.array([50, 60])})
    arrays = {name: values.tolist() for name, values in told.of_replicas([1]).arrays().items()}
    assert arrays == {"prior": [2], "train_size": [60]}
    assert VariationalWeights().with_arrays({"train_size": 50}).arrays() == {}
