"""The runs of the book: trained or loaded, and settings chosen with equal care."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from regularization.analysis import evaluation
from regularization.core import fit as training
from regularization.core.techniques import L2, GaussianWeights
from regularization.results import run as runs
from regularization.study import presets
from regularization.study import registry as experiments
from regularization.study.registry import BUDGET, TECHNIQUES, tuned


def test_the_posts_figures_are_quoted_whole():
    """The twenty cells of the post's table, against a second copy typed for this test."""
    table = {
        "no_regularization": (0.932, 1.00, -1.95, 1.64),
        "dropout": (0.895, 1.49, -1.42, 1.18),
        "gaussian_weights": (0.915, 1.85, 0.0, 0.80),
        "l2": (0.760, 1.25, -0.062, 0.094),
        "weight_normalization": (0.711, 1.58, -0.05, 0.08),
    }
    keys = ("test_accuracy", "relative_runtime", "weight_min", "weight_max")
    assert {slug: tuple(experiments.POST[slug][k] for k in keys) for slug in table} == table
    assert list(experiments.EXPERIMENTS) == list(table)


@pytest.fixture(scope="module")
def run(digits):
    return training.fit(GaussianWeights(), digits, steps=20, seeds=[2, 3], learning_rate=1e-3)


def test_what_is_missing_or_does_not_fit_is_trained_and_said(
    digits, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    calls = []
    monkeypatch.setattr(
        experiments, "fit", lambda *a, **k: calls.append((a, k)) or training.fit(*a, steps=10, **k)
    )
    experiments.load_or_train("gaussian_weights", digits, "quick")
    assert "there is no saved run" in capsys.readouterr().out
    run.save("gaussian_weights")
    experiments.load_or_train("gaussian_weights", digits, "quick")
    assert "saved run is of digits at custom" in capsys.readouterr().out
    run.preset = "quick"
    run.save("gaussian_weights")
    experiments.load_or_train("gaussian_weights", digits, "quick")
    assert capsys.readouterr().out == "" and len(calls) == 2
    settings = {"learning_rate": 1e-3, "seeds": (0, 1), "loss": "squared_error"}
    assert calls[0][1] == settings


def test_a_path_is_trained_from_every_seed_at_every_strength_and_chosen_by_validation(
    digits, monkeypatch
):
    monkeypatch.setitem(presets.PRESETS, "quick", presets.Preset(steps=300, seeds=(3, 4)))
    path = experiments.train("l2_path", digits, "quick")
    strengths = np.array(path.technique["strength"])
    grid = experiments.CORRECTIONS["l2_path"].strengths
    assert path.preset == "quick" and path.seeds == [3, 4] * len(grid)
    assert strengths.tolist() == np.repeat(grid, 2).tolist()
    best, accuracy = experiments.validated(path, digits)
    assert accuracy[strengths == best].mean() == max(accuracy.reshape(-1, 2).mean(axis=1))
    right = evaluation.right(path.weights[5], digits.validation_images, digits.validation_labels)
    assert accuracy[5] == right.mean()


def test_validation_is_on_the_images_held_back_and_not_on_those_of_the_test(digits):
    weights = np.random.default_rng(0).normal(size=(2, 10, 8, 8))
    run, x = SimpleNamespace(weights=weights), digits.validation_images.reshape(-1, 64)
    answers = np.argmax(x @ weights.reshape(2, 10, 64).swapaxes(1, 2), axis=2)
    by_hand = [np.mean(answer == digits.validation_labels) for answer in answers]
    assert experiments.on_validation(run, digits).tolist() == by_hand
    elsewhere = replace(
        digits, test_labels=digits.test_labels[::-1], train_labels=digits.train_labels[::-1]
    )
    assert experiments.on_validation(run, elsewhere).tolist() == by_hand
    answered = replace(digits, validation_labels=answers[1])
    assert experiments.on_validation(run, answered)[1] == 1 > by_hand[1]


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_every_technique_has_the_same_budget(slug):
    tried = TECHNIQUES[slug].tried
    assert all(len(set(values)) == len(values) for values in tried.values())
    count = [len(values) * len(experiments.LEARNING_RATES) for values in tried.values()]
    assert count in ([BUDGET], [])


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_a_path_goes_through_what_is_tried_and_beyond(slug):
    """From one end to the other, without turning back."""
    path = TECHNIQUES[slug].path
    steps = np.diff(path)
    assert np.all(steps > 0) or np.all(steps < 0)
    for values in TECHNIQUES[slug].tried.values() if path else []:
        assert min(path) <= min(values) and max(values) <= max(path)


def test_the_run_returned_is_the_one_that_is_best_on_validation(digits, monkeypatch):
    """Against each of the settings trained alone."""
    monkeypatch.setitem(presets.TUNING_STEPS, "quick", 200)
    settings = [(r, s) for r in experiments.LEARNING_RATES for s in (1e-7, 1e-6, 1e-5, 1e-4)]
    alone = [
        training.fit(L2(s), digits, steps=200, seeds=2, learning_rate=rate) for rate, s in settings
    ]
    accuracy = [experiments.on_validation(run, digits).mean() for run in alone]
    chosen, path = tuned("l2", digits, "quick")
    best = settings.index((chosen.learning_rate, chosen.technique["strength"]))
    assert accuracy[best] == pytest.approx(max(accuracy), abs=0.003)
    np.testing.assert_allclose(chosen.weights, alone[best].weights, atol=2e-5)
    assert (chosen.slug, chosen.preset, chosen.seeds, chosen.steps) == (
        "l2_tuned",
        "quick",
        [0, 1],
        200,
    )
    assert path.technique["strength"] == list(TECHNIQUES["l2"].path)
    assert set(path.seeds) == {0} and set(path.learning_rate) == {experiments.PATH_LEARNING_RATE}
    at = path.technique["strength"].index(1e-4)  # also among the settings
    beside = alone[settings.index((experiments.PATH_LEARNING_RATE, 1e-4))]
    np.testing.assert_allclose(path.weights[at], beside.weights[0], atol=2e-5)


@pytest.mark.parametrize(
    "tried",
    [
        {"strength": (1e-3, 1e-2, 1e-1)},
        {"strength": (1e-3,) * 4},
        {"strenght": (1, 2, 3, 4)},
        {"strength": (1, 2, 3, 4), "rate": (0.1, 0.2, 0.3, 0.4)},
    ],
)
def test_values_that_do_not_make_up_the_budget_are_refused(digits, monkeypatch, tried):
    experiment = experiments.Experiment(L2(), tried=tried)
    monkeypatch.setitem(experiments._ALL, "l2", experiment)
    with pytest.raises(
        ValueError, match="experiment 'l2' has tried=.* Expected 4 .* Mend its line"
    ):
        tuned("l2", digits, "quick")


def test_without_a_strength_as_many_learning_rates_are_tried(digits, monkeypatch):
    monkeypatch.setitem(presets.TUNING_STEPS, "quick", 100)
    seen = []
    fit = experiments.fit
    monkeypatch.setattr(experiments, "fit", lambda *a, **k: seen.append(k) or fit(*a, **k))
    _, path = tuned("no_regularization", digits, "quick")
    assert path.learning_rate == list(experiments.MORE_LEARNING_RATES)
    assert set(seen[0]["learning_rate"]) == set(experiments.MORE_LEARNING_RATES)
    assert set(experiments.LEARNING_RATES) < set(experiments.MORE_LEARNING_RATES)
    assert len(set(seen[0]["learning_rate"])) == BUDGET and len(seen[0]["seeds"]) == 2 * BUDGET


def test_a_technique_that_asks_is_told_the_number_of_training_images(digits, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "quick", presets.Preset(20, (0, 1)))
    monkeypatch.setitem(presets.TUNING_STEPS, "quick", 20)
    for slug in ("variational_weights", "variational_weights_tuned"):
        run = experiments.train(slug, digits, "quick")
        assert run.technique["train_size"] == len(digits.train_images)


def test_a_tuned_run_is_loaded_where_there_is_one(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    monkeypatch.setitem(presets.TUNING_STEPS, "quick", 100)
    first = experiments.load_or_train("l2_tuned", digits, "quick")
    assert "Training l2_tuned" in capsys.readouterr().out
    first.save("l2_tuned")
    assert experiments.load_or_train("l2_tuned", digits, "quick").same_as(first)
    assert not capsys.readouterr().out
    assert runs.load("l2_tuned", tmp_path).title == "L2, tuned"
    with pytest.raises(ValueError, match="no technique 'l3'"):
        experiments.load_or_train("l3_tuned", digits, "quick")
