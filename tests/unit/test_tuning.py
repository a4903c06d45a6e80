"""Equal care: one budget for all, and the setting that validation chooses."""

from dataclasses import replace

import numpy as np
import pytest

from regularization.analysis import evaluation
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.techniques import L2, EarlyStopping, VariationalWeights
from regularization.results import store
from regularization.study import presets, registry, tuning
from regularization.study.registry import TECHNIQUES
from regularization.study.tuning import BUDGET, LEARNING_RATES, MORE_LEARNING_RATES

STRENGTHS = (1e-7, 1e-6, 1e-5, 1e-4)


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A store of its own, and a quick preset that is over in a moment."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("TQDM_DISABLE", "1")

    def sized(page, **sizes):
        paper, quick = presets.SIZES[page]
        monkeypatch.setitem(presets.SIZES, page, (paper, quick | sizes))

    return sized


@pytest.fixture
def asked(monkeypatch):
    """The settings that were asked for, instead of runs of them."""
    found = []
    monkeypatch.setattr(tuning, "train", lambda settings, digits: found.append(settings))
    return found


def test_a_path_is_trained_from_every_seed_at_every_strength(digits, short, monkeypatch):
    short("book", steps=300, seeds=(3, 4))
    path = tuning.trained("l2_path", digits, "quick")
    strengths = registry.CORRECTIONS["l2_path"].technique.settings()["strength"]
    assert path.settings.axes == {"strength": tuple(strengths), "seed": (3, 4)}
    right = evaluation.correct(
        path.weights[2, 1], digits.validation_images, digits.validation_labels
    )
    assert path.validation_accuracy[2, 1] == pytest.approx(right.mean(), abs=0.006)
    at = path.sel(strength=strengths[2])
    np.testing.assert_array_equal(at.validation_accuracy, path.validation_accuracy[2])


def test_validation_is_on_the_images_held_back_and_not_on_those_of_the_test(digits):
    settings = Settings(steps=40, seeds=2, learning_rate=1e-2)
    found = fit(settings, digits)
    x = digits.validation_images.reshape(-1, 64) / 255
    answers = np.argmax(x @ found["weights"].reshape(2, 10, 64).swapaxes(1, 2), axis=2)
    by_hand = [np.mean(answer == digits.validation_labels) for answer in answers]
    np.testing.assert_allclose(found["validation_accuracy"], by_hand, atol=0.006)
    elsewhere = fit(settings, replace(digits, test_labels=digits.test_labels[::-1]))
    np.testing.assert_array_equal(elsewhere["validation_accuracy"], found["validation_accuracy"])
    assert not np.array_equal(elsewhere["test_accuracy"], found["test_accuracy"])
    answered = fit(settings, replace(digits, validation_labels=answers[1].astype("uint8")))
    assert answered["validation_accuracy"][1] > 0.99 > by_hand[1]
    np.testing.assert_array_equal(answered["weights"], found["weights"])


def test_the_run_returned_is_the_one_that_is_best_on_validation(digits, short):
    """Against each of the settings trained alone."""
    short("tuning", steps=200)
    settings = [(r, s) for r in LEARNING_RATES for s in STRENGTHS]
    alone = [
        fit(Settings(L2(s), steps=200, seeds=2, learning_rate=rate), digits) for rate, s in settings
    ]
    accuracy = [found["validation_accuracy"].mean() for found in alone]
    chosen, path = (find("l2", digits, "quick") for find in (tuning.tuned, tuning.along))
    best = settings.index((chosen.settings.learning_rate, chosen.settings.technique.strength))
    assert accuracy[best] == pytest.approx(max(accuracy), abs=0.003)
    np.testing.assert_allclose(chosen.weights, alone[best]["weights"], atol=2e-5)
    assert chosen.settings.axes == {"seed": (0, 1)} and chosen.settings.steps == 200
    assert chosen.weights.dims == ("seed", "output", "row", "column")
    assert type(chosen.settings.technique) is L2
    assert tuning.choice(chosen, "l2_tuned") == {
        "learning rate": chosen.settings.learning_rate,
        "strength": chosen.settings.technique.strength,
    }
    assert path.settings.axes == {"strength": TECHNIQUES["l2"].path, "seed": (0,)}
    assert path.settings.learning_rate == tuning.PATH_LEARNING_RATE
    beside = alone[settings.index((tuning.PATH_LEARNING_RATE, 1e-4))]  # also among the settings
    np.testing.assert_allclose(path.weights.sel(strength=1e-4)[0], beside["weights"][0], atol=2e-5)


def test_every_seed_can_choose_by_itself(digits, short):
    """By loops over settings and seeds; a run without several settings leaves nothing to choose."""
    short("tuning", steps=60, seeds=3)
    run = tuning.tried("l2", digits, "quick")
    expected = []
    for seed in (0, 1, 2):
        models = [
            run.sel(strength=strength, learning_rate=rate, seed=[seed])
            for rate in LEARNING_RATES
            for strength in STRENGTHS
        ]
        expected.append(max(models, key=lambda m: m.validation_accuracy.item()).test_accuracy)
    found = tuning.chosen_by_seed(run)
    assert found.dims == ("seed",) and found.values.tolist() == np.ravel(expected).tolist()
    trained = tuning.chosen_by_seed(run, "train_accuracy")
    assert trained.dims == ("seed",) and not np.array_equal(trained, found)
    one = run.sel(strength=1e-4, learning_rate=1e-3)
    np.testing.assert_array_equal(tuning.chosen_by_seed(one), one.test_accuracy)


def test_of_equal_settings_the_first_is_chosen_at_the_lowest_learning_rate(
    digits, short, monkeypatch
):
    """Whichever of the two axes comes first."""
    settings = tuning.budget("l2", "quick")
    accuracy = np.zeros((*settings.shape,))
    accuracy[1, 2] = accuracy[3, 0] = accuracy[2, 2] = accuracy[0, 1] = (
        0.9  # [strength, rate, seed]
    )
    arrays = {"validation_accuracy": accuracy}
    run = store.Run(settings, arrays, {})
    monkeypatch.setattr(tuning, "train", lambda settings, digits: run)
    chosen = tuning.tuned("l2", digits, "quick").settings
    assert (chosen.technique.strength, chosen.learning_rate) == (STRENGTHS[3], LEARNING_RATES[0])
    accuracy[3, 0] = 0
    chosen = tuning.tuned("l2", digits, "quick").settings
    assert (chosen.technique.strength, chosen.learning_rate) == (STRENGTHS[0], LEARNING_RATES[1])
    accuracy[1, 2, 0] = 1  # in one of two seeds
    chosen = tuning.tuned("l2", digits, "quick").settings
    assert (chosen.technique.strength, chosen.learning_rate) == (STRENGTHS[1], LEARNING_RATES[2])


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_what_is_tried_is_the_grid_of_the_budget(slug):
    experiment, size = registry.get(slug), presets.of("tuning", "quick")
    settings = tuning.budget(slug, "quick")
    seeds = tuple(range(size.seeds))
    rates = LEARNING_RATES if experiment.tried else MORE_LEARNING_RATES
    tried = {name: tuple(map(float, values)) for name, values in experiment.tried.items()}
    assert settings.axes == tried | {"learning_rate": rates, "seed": seeds}
    assert np.prod(settings.shape) == BUDGET * size.seeds
    assert (settings.steps, settings.loss, settings.frames) == (size.steps, experiment.loss, 0)
    own = experiment.technique.settings()
    others = {k: v for k, v in settings.technique.settings().items() if k not in tried}
    assert type(settings.technique) is type(experiment.technique)
    assert others == {k: v for k, v in own.items() if k not in tried}


def test_a_technique_that_is_reviewed_is_examined_ten_times_others_at_the_end():
    assert tuning.evaluated_every(EarlyStopping(), 300) == 30
    assert tuning.evaluated_every(EarlyStopping(), 5) == 1
    assert tuning.evaluated_every(L2(), 300) == 300
    assert tuning.budget("early_stopping", "quick").every == 30
    assert tuning.budget("l2", "quick").every == 300


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
    experiment = registry.Experiment(L2(), tried=tried)
    monkeypatch.setitem(registry._ALL, "l2", experiment)
    with pytest.raises(
        ValueError, match="experiment 'l2' has tried=.* Expected 4 .* Mend its line"
    ):
        tuning.tuned("l2", digits, "quick")


def test_without_a_strength_as_many_learning_rates_are_tried(digits, short):
    short("tuning", steps=50)
    path = tuning.along("no_regularization", digits, "quick")
    assert path.settings.axes == {"learning_rate": MORE_LEARNING_RATES, "seed": (0,)}
    assert set(LEARNING_RATES) < set(MORE_LEARNING_RATES) and len(MORE_LEARNING_RATES) == BUDGET
    tried = store.train(tuning.budget("no_regularization", "quick"), digits)
    assert tried.settings.shape == (BUDGET, 2)
    np.testing.assert_array_equal(path.weights[:, 0], tried.weights[:, 0])
    chosen = tuning.tuned("no_regularization", digits, "quick")
    assert [*tuning.choice(chosen, "no_regularization")] == ["learning rate"]


def test_a_technique_that_asks_is_told_the_number_of_training_images(digits, short, monkeypatch):
    short("book", steps=4), short("tuning", steps=4)
    told, penalty = [], VariationalWeights.penalty

    def heard(self, parameters):
        told.append(self.train_size)
        return penalty(self, parameters)

    monkeypatch.setattr(VariationalWeights, "penalty", heard)
    for slug in ("variational_weights", "variational_weights_tuned"):
        run = tuning.trained(slug, digits, "quick")
        assert run.settings.train_size == len(digits.train_images)
    assert told and set(told) == {len(digits.train_images)}


def test_a_run_of_the_book_is_asked_for_by_its_name(digits, asked):
    tuning.trained("dropout", digits, "quick")
    assert asked == [registry.settings("dropout", "quick")]
    tuning.along("l2", digits, "quick")
    path = asked[1]
    size = presets.of("tuning", "quick")
    assert path == Settings(
        L2(list(TECHNIQUES["l2"].path)),
        steps=size.steps,
        every=size.steps,
        learning_rate=tuning.PATH_LEARNING_RATE,
    )
    with pytest.raises(ValueError, match="no technique 'l3'"):
        tuning.trained("l3_tuned", digits, "quick")
    with pytest.raises(ValueError, match="no preset 'papre'"):
        tuning.trained("l2", digits, "papre")


def test_a_tuned_run_is_found_where_there_is_one(digits, short, capfd):
    short("tuning", steps=20)
    first = tuning.trained("l2_tuned", digits, "quick")
    said = capfd.readouterr().err
    assert f"Training {tuning.budget('l2', 'quick')}." in said and said.count("Training") == 1
    again = tuning.trained("l2_tuned", digits, "quick")
    assert capfd.readouterr() == ("", "")
    assert again.settings == first.settings and np.array_equal(again.weights, first.weights)
    assert again.made == first.made
