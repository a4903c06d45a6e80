"""Settings chosen with equal care, and how the techniques are shown beside one another."""

import base64
import io
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from scipy.special import softmax

from regularization import claims, experiments, figures, measures, presets, runs, training
from regularization.experiments import BUDGET, TECHNIQUES, tuned
from regularization.techniques import L2


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


@pytest.fixture(scope="module")
def two(digits):
    plain, other = (
        training.fit(technique, digits, steps=100, seeds=2) for technique in (L2(0), L2(0.1))
    )
    plain.slug, other.slug = "no_regularization", "l2"
    return {"no regularization": plain, "L2": other}


def test_runs_stand_beside_one_another_in_a_table(two):
    page = BeautifulSoup(figures.beside(two).content, "html.parser")
    rows = [[cell.get_text() for cell in row.select("th, td")] for row in page.select("tbody tr")]
    assert [row[0] for row in rows] == list(two)
    for run, row in zip(two.values(), rows, strict=True):
        smooth = np.mean([measures.smoothness(w) for w in run.weights])
        assert float(row[2]) == pytest.approx(smooth, abs=0.006)
        assert float(row[5]) == pytest.approx(np.mean(run.weight_max), rel=0.06)


def test_a_tuned_run_is_compared_with_none_seed_by_seed(two):
    plain, other = two.values()
    said = figures.with_equal_care(experiments.choice(other), other, plain).data
    points = [100 * (a - b) for a, b in zip(other.test_accuracy, plain.test_accuracy, strict=True)]
    assert "learning rate 0.0001, strength 0.1" in said and str(claims.over_seeds(points)) in said


def test_a_sortable_table_has_the_numbers_by_which_it_is_sorted():
    rows = [["a", "loss", figures.Sorted("12 %", 12.5)], ["b", "<i>", figures.Sorted("", -1e-7)]]
    page = BeautifulSoup(
        figures.table(["technique", "changes", "x"], rows, "caption", "sortable").content,
        "html.parser",
    )
    assert page.table["class"] == ["sortable"]
    numbers = [cell.get("data-sort") for cell in page.select("td")]
    assert numbers == [None, "12.5", None, "-1e-07"] and "<i>" in page.get_text()


def test_a_forest_is_ordered_and_takes_one_seed():
    estimates = {"worse": claims.over_seeds([-1, -2]), "better": claims.over_seeds([0.5])}
    figure = figures.forest(estimates, "points", "A caption.")
    assert figure.alt.index("better 0.5") < figure.alt.index("worse −1.5")
    assert "worse" in figure.content and "nan" not in figure.content.lower()


def test_the_tree_joins_the_nearest_and_says_so():
    changes = {"a": ["loss"], "b": [], "c": ["inputs", "labels"]}
    distances = np.array([[0, 0.1, 0.8], [0.1, 0, 0.9], [0.8, 0.9, 0]])
    figure = figures.family_tree(changes, ["inputs", "loss", "labels"], distances, 0.3)
    assert "closest pairs are a and b (0.10)" in figure.alt
    order = re.search(r"In its order: (.*?)\.", figure.alt)[1].split(", ")
    assert abs(order.index("a") - order.index("b")) == 1
    assert all(word in figure.content for word in ("labels", "inputs"))


def test_a_picture_is_packed_without_a_change_of_its_colours():
    rng = np.random.default_rng(0)
    few = rng.integers(0, 4, (28, 28, 1), "uint8") * np.uint8([60, 20, 5])
    many = rng.integers(0, 256, (28, 28, 3), "uint8")
    for picture in (few, many):
        file = io.BytesIO()
        Image.fromarray(picture).convert("RGBA").save(file, "PNG")
        png = base64.b64encode(file.getvalue()).decode()
        packed = figures._with_palette([png])
        read = Image.open(io.BytesIO(base64.b64decode(packed))).convert("RGB")
        np.testing.assert_array_equal(np.array(read), picture)
        assert (len(packed) < len(png)) == (picture is few)


def test_equal_pictures_do_not_share_an_id():
    weights = np.ones((10, 8, 8)) * np.linspace(-1, 1, 8)
    page = BeautifulSoup(figures.weight_images(weights, "Ten alike").content, "html.parser")
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(page.find_all("image")) >= 10 and len(set(ids)) == len(ids)


def test_confidence_and_points_are_means_over_the_seeds(digits, two):
    plain, other = two.values()
    test = digits.test_images, digits.test_labels
    sure, error = measures.confidence(plain.weights, *test)
    each = [softmax(measures.logits(w, test[0]), axis=1) for w in plain.weights]
    assert sure == pytest.approx(np.mean([np.max(p, axis=1) for p in each]))
    assert error == pytest.approx(np.mean([measures.calibration_error(p, test[1]) for p in each]))
    points = 100 * np.subtract(other.test_accuracy, plain.test_accuracy)
    assert claims.points(other.test_accuracy, plain.test_accuracy).mean == pytest.approx(
        points.mean()
    )
