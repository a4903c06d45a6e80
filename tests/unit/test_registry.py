"""The runs of the book: the post's five, their relatives, and what the post reported of them."""

import numpy as np
import pytest

from regularization.core.settings import Settings
from regularization.core.technique import Technique
from regularization.core.techniques import L2, DensityWeights, VariationalWeights
from regularization.study import presets, registry
from regularization.study.registry import CORRECTIONS, EXPERIMENTS, POST, RELATIVES, TECHNIQUES
from regularization.study.tuning import BUDGET, LEARNING_RATES, MORE_LEARNING_RATES


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
    assert {slug: tuple(POST[slug][k] for k in keys) for slug in table} == table
    assert list(EXPERIMENTS) == list(POST) == list(table)
    assert all(set(figures) == {*keys, "logged_seconds"} for figures in POST.values())


def test_no_two_experiments_have_one_name():
    assert [*TECHNIQUES] == [*EXPERIMENTS, *RELATIVES]
    assert not TECHNIQUES.keys() & CORRECTIONS.keys() and not EXPERIMENTS.keys() & RELATIVES.keys()
    assert not any(slug.endswith(registry.TUNED) for slug in TECHNIQUES | CORRECTIONS)


def test_an_unknown_technique_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no technique 'droput'.*dropout, gaussian_weights, l2"):
        registry.get("droput")
    with pytest.raises(ValueError, match="no technique 'l3'"):
        registry.settings("l3", "quick")


@pytest.mark.parametrize(
    "slug, title",
    {
        "no_regularization": "No regularization",
        "dropout": "Dropout",
        "gaussian_weights": "Gaussian weights",
        "l2": "L2",
        "l2_tuned": "L2, tuned",
        "weight_normalization": "Weight normalization",
        "dropconnect": "DropConnect",
        "dropconnect_tuned": "DropConnect, tuned",
        "weight_normalization_with_gain": "Weight normalization with gain",
        "density_weights": "Density weights",
        "mixup": "Mixup",
    }.items(),
)
def test_a_slug_has_a_title(slug, title):
    assert registry.title(slug) == title


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_every_technique_has_the_same_budget(slug):
    tried = TECHNIQUES[slug].tried
    assert all(len(set(values)) == len(values) for values in tried.values())
    count = [len(values) * len(LEARNING_RATES) for values in tried.values()]
    assert count in ([BUDGET], [])
    assert len(set(MORE_LEARNING_RATES)) == BUDGET


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_a_path_goes_through_what_is_tried_and_beyond(slug):
    """From one end to the other, without turning back."""
    path = TECHNIQUES[slug].path
    steps = np.diff(path)
    assert np.all(steps > 0) or np.all(steps < 0)
    for values in TECHNIQUES[slug].tried.values() if path else []:
        assert min(path) <= min(values) and max(values) <= max(path)


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_a_techniques_path_turns_what_is_tried(slug):
    tried = TECHNIQUES[slug].tried
    assert registry.knob(slug) == next(iter(tried), "learning_rate")
    assert set(tried) <= set(TECHNIQUES[slug].technique.settings()) and len(tried) < 2


def test_presets_are_what_is_published():
    size = presets.of("book", "paper")
    assert (size.steps, size.seeds) == (150_000, 5)
    assert registry.settings("no_regularization", "paper").seeds == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("page", presets.SIZES)
def test_a_page_has_the_same_sizes_at_either_preset(page):
    paper, quick = (vars(presets.of(page, preset)) for preset in presets.PRESETS)
    assert paper.keys() == quick.keys()


@pytest.mark.parametrize("preset", ["papre", ["quick"], None, 1])
def test_an_unknown_preset_is_refused(preset):
    for asked in (presets.check, lambda name: presets.of("book", name)):
        with pytest.raises(ValueError, match="no preset .*Expected one of paper, quick") as caught:
            asked(preset)
        assert repr(preset) in str(caught.value)


@pytest.mark.parametrize("slug", TECHNIQUES | CORRECTIONS)
def test_an_experiment_is_trained_as_its_line_says_for_as_long_as_the_preset_does(slug):
    experiment, size = registry.get(slug), presets.of("book", "quick")
    settings = registry.settings(slug, "quick")
    assert settings.technique is experiment.technique
    assert (settings.steps, settings.seeds) == (size.steps, tuple(range(size.seeds)))
    assert (settings.learning_rate, settings.loss) == (experiment.learning_rate, experiment.loss)
    defaults = Settings()
    for name in ("batch_size", "train_size", "label_noise", "hidden", "every", "dataset"):
        assert getattr(settings, name) == getattr(defaults, name)
    assert settings.frames == (registry.FRAMES if slug in TECHNIQUES else 0)


def test_the_posts_own_settings_are_the_books():
    """The post's code, cell by cell."""
    assert EXPERIMENTS["no_regularization"].technique == Technique()
    assert EXPERIMENTS["dropout"].technique.rate == 0.5
    assert EXPERIMENTS["l2"].technique == L2(strength=0.01)
    rates = {slug: each.learning_rate for slug, each in EXPERIMENTS.items()}
    assert rates == dict.fromkeys(EXPERIMENTS, 1e-4) | {"gaussian_weights": 1e-3}
    assert {each.loss for each in EXPERIMENTS.values()} == {"squared_error"}
    assert RELATIVES["variational_weights"].technique == VariationalWeights(prior=1.0)
    assert RELATIVES["variational_weights"].loss == "cross_entropy"
    assert CORRECTIONS["density_weights"].technique == DensityWeights(noise_scale=0.5)


def test_sizes_fit_the_data_there_are():
    sizes = (5_000, 20_000, presets.ALL)
    assert presets.fitting(sizes, 55_000) == [5_000, 20_000, 55_000]
    assert presets.fitting(sizes, 3_500) == [3_500]
    assert presets.fitting((100, 300), 3_500) == [100, 300]
    assert presets.fitting((100, 300), 140) == [100, 140]
