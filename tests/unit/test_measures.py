"""Measures against closed forms, by hand, and against SciPy."""

import itertools

import keras
import numpy as np
import pytest
from scipy import stats
from scipy.differentiate import derivative
from scipy.spatial.distance import pdist, squareform
from scipy.special import expit, logit, softmax
from sklearn.manifold import MDS

from regularization.analysis import evaluation, measures, statistics
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.techniques import DrawnWeights, VariationalWeights
from regularization.results.run import Run


def test_the_interval_is_students():
    # A textbook case: n = 4, mean 5, s = 2; t(0.975, 3) = 3.182446.
    values = [3.0, 5.0, 5.0, 7.0]
    s = np.std(values, ddof=1)
    mean, low, high = statistics.interval(values)
    half = 3.182446 * s / 2
    assert (mean, low, high) == pytest.approx((5, 5 - half, 5 + half), rel=1e-6)
    assert statistics.interval([0.5]) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    "within, scale, back",
    [
        (statistics.RATIO, np.log, np.exp),
        (statistics.SHARE, logit, expit),
        (statistics.CORRELATION, np.arctanh, np.tanh),  # Fisher's z
        ((0, 100), lambda x: logit(x / 100), lambda x: 100 * expit(x)),
    ],
)
def test_an_interval_keeps_inside_of_what_a_quantity_can_be(within, scale, back):
    values = np.array([0.9, 0.92, 0.96])
    mean, low, high = statistics.interval(values, within)
    half = stats.t.ppf(0.975, 2) * stats.sem(values) * derivative(scale, mean, initial_step=0.01).df
    assert (low, high) == pytest.approx((back(scale(mean) - half), back(scale(mean) + half)))
    wild = statistics.interval([0.01, 0.99], within)
    assert within[0] <= wild[1] < wild[0] < wild[2] <= within[1]
    assert statistics.interval([0.0, 0.0], (0, 1)) == (0, 0, 0)


def test_an_interval_with_ends_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [statistics.interval(rng.beta(18, 2, 5), statistics.SHARE) for _ in range(1000)]
    assert 0.93 < np.mean([low <= 0.9 <= high for _, low, high in found]) < 0.97


def test_smoothness_knows_noise_a_plane_and_a_chessboard():
    rng = np.random.default_rng(0)
    plane = np.add.outer(np.arange(30.0), np.arange(30.0))
    chess = np.indices((30, 30)).sum(axis=0) % 2
    assert measures.smoothness(rng.normal(size=(10, 30, 30))) == pytest.approx(0, abs=0.03)
    assert measures.smoothness(plane) > 0.98
    assert measures.smoothness(chess) == pytest.approx(-1)


def test_total_variation_is_nothing_for_a_plane_and_known_for_a_chessboard():
    chessboard = np.indices((8, 8)).sum(axis=0) % 2
    assert measures.total_variation(np.ones((3, 8, 8))) == 0
    # Every neighbour differs by 1, in two directions, and half of the pixels are 1.
    assert measures.total_variation(chessboard) == pytest.approx(4)
    assert measures.total_variation(7 * chessboard) == pytest.approx(4)


def test_high_frequencies_are_where_the_wave_is():
    x = np.arange(28)
    slow, fast = (np.tile(np.cos(2 * np.pi * f * x), (28, 1)) for f in (2 / 28, 10 / 28))
    assert measures.high_frequencies(slow + 5) == pytest.approx(0, abs=1e-12)
    assert measures.high_frequencies(fast) == pytest.approx(1)
    assert measures.high_frequencies(slow + 2 * fast) == pytest.approx(4 / 5)
    assert measures.high_frequencies(np.ones((4, 4))) == 0
    # White noise: the share of the plane outside a circle of radius a quarter.
    noise = np.random.default_rng(0).normal(size=(50, 28, 28))
    assert measures.high_frequencies(noise) == pytest.approx(1 - np.pi / 16, abs=0.02)


def test_shares_of_weights_and_pixels_are_counted():
    assert measures.near_zero(np.array([0.0, 0.005, -0.02, 1.0])) == 0.5
    weights = np.zeros((2, 3, 3))
    weights[0, 0], weights[1, 1, 1] = 4, -2
    assert measures.pixels_in_use(weights) == pytest.approx((3 + 1) / 2)


def test_likeness_ignores_scale_and_template_likeness_finds_templates(digits):
    means = measures.class_means(digits)
    assert measures.likeness(means, 3 * means) == pytest.approx(1)
    assert measures.likeness([1.0, 0], [0, 2.0]) == 0
    assert measures.template_likeness(5 * (means - means.mean(axis=0)), means) == pytest.approx(1)


def test_a_template_is_most_like_itself():
    templates = np.random.default_rng(0).random((5, 4, 4))
    assert measures.own_template(3 * templates + 1, templates) == 1
    assert measures.own_template(np.roll(templates, 1, axis=0), templates) == 0


def test_distance_is_up_to_scale_and_to_what_classes_share():
    a, b = np.random.default_rng(0).normal(size=(2, 10, 28, 28))
    assert measures.distance(a, 3 * a + b[0]) == pytest.approx(0, abs=1e-6)
    assert measures.distance(a, -a) == pytest.approx(0, abs=1e-6)
    assert 0.95 < measures.distance(a, b) <= 1
    # The closed form against the best multiple by least squares.
    centred = [(x - x.mean(axis=0)).ravel() for x in (a, a + b)]
    u, v = (x / np.linalg.norm(x) for x in centred)
    left = u - np.linalg.lstsq(v[:, None], u, rcond=None)[0] * v
    assert measures.distance(a, a + b) == pytest.approx(np.linalg.norm(left))


def stress_of(found, wanted):
    """Kruskal's stress by its formula."""
    return np.sqrt(np.sum((found - wanted) ** 2) / np.sum(wanted**2))


def test_a_map_lays_out_what_is_flat_and_misses_the_rest_by_as_little_as_another_library():
    rng = np.random.default_rng(0)
    flat, tall = pdist(rng.normal(size=(20, 2))), pdist(rng.normal(size=(20, 6)))
    assert measures.laid_out(squareform(flat))[1] < 1e-6
    at, stress = measures.laid_out(squareform(tall))
    assert stress == pytest.approx(stress_of(pdist(at), tall), abs=1e-6)
    theirs = MDS(metric="precomputed", init="random", n_init=20, random_state=0, eps=1e-9)
    best = stress_of(pdist(theirs.fit_transform(squareform(tall))), tall)
    assert 0.5 * best < stress <= 1.01 * best


def test_smoothness_among_some_pixels_is_that_of_a_picture_of_these_alone():
    images = np.random.default_rng(0).normal(size=(3, 9, 9))
    images[:, 6:] = images[:, :, :2] = 0  # a border that says nothing
    inner = np.zeros((9, 9), bool)
    inner[:6, 2:] = True
    cut = measures.smoothness(images[:, :6, 2:])
    assert measures.smoothness(images, inner) == pytest.approx(cut)
    assert measures.smoothness(images) != pytest.approx(cut)


def test_a_layer_with_its_units_in_another_order_and_size_is_the_same():
    rng = np.random.default_rng(0)
    units, others = rng.normal(size=(2, 20, 28, 28))
    sizes = rng.uniform(0.1, 10, (20, 1, 1))
    again = sizes * units[rng.permutation(20)]
    assert measures.matched_likeness(units, again) == pytest.approx(1)
    assert 0 <= measures.matched_likeness(units, others) < 0.1
    # A unit turned into its negative answers to other images: it is no match.
    apart = np.eye(4).reshape(4, 2, 2)
    assert measures.matched_likeness(apart, -apart) == 0


def test_units_are_paired_as_the_best_of_all_permutations():
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b = rng.normal(size=(2, 4, 2, 2))
        u, v = ([w.ravel() / np.linalg.norm(w) for w in units] for units in (a, b))
        ways = [[u[i] @ v[j] for i, j in enumerate(p)] for p in itertools.permutations(range(4))]
        best = [max(cosine, 0) for cosine in max(ways, key=sum)]  # opposite is nothing in common
        assert measures.matched_likeness(a, b) == pytest.approx(np.mean(best))


def test_the_sampling_error_is_the_binomials():
    rng = np.random.default_rng(0)
    drawn = rng.binomial(500, 0.9, 20_000) / 500
    assert statistics.sampling_error(0.9, 500) == pytest.approx(drawn.std(), rel=0.02)


def test_answers_are_those_of_the_layer(digits):
    weights = np.random.default_rng(0).normal(size=(10, 8, 8)).astype("float32")
    x = digits.test_images.reshape(-1, 64) / 255
    by_hand = x @ weights.reshape(10, 64).T
    np.testing.assert_allclose(
        evaluation.logits(weights, digits.test_images), by_hand, rtol=1e-4, atol=1e-5
    )
    right = evaluation.correct(weights, digits.test_images, digits.test_labels)
    assert right.tolist() == (by_hand.argmax(axis=1) == digits.test_labels).tolist()


def test_calibration_is_zero_for_a_model_as_sure_as_it_is_right():
    sure = np.full(1_000, 0.7)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    labels = (np.arange(1_000) >= 700).astype(int)
    assert evaluation.calibration_error(probabilities, labels) == pytest.approx(0, abs=1e-9)
    assert evaluation.calibration_error(probabilities, 1 - labels) == pytest.approx(0.4)
    assert evaluation.calibration_error(np.eye(2)[labels], labels) == 0


def test_confidence_is_a_mean_over_the_seeds(digits):
    weights = np.random.default_rng(0).normal(size=(2, 10, 8, 8)) * [[[[1.0]]], [[[0.1]]]]
    test = digits.test_images, digits.test_labels
    sure, error = evaluation.confidence(weights, *test)
    each = [softmax(evaluation.logits(w, test[0]), axis=1) for w in weights]
    assert sure == pytest.approx(np.mean([np.max(p, axis=1) for p in each]))
    assert error == pytest.approx(np.mean([evaluation.calibration_error(p, test[1]) for p in each]))


def test_disturbed_images_are_what_they_are_called(digits):
    images = digits.test_images[:50]
    kinds = evaluation.disturbed(images)
    (noisy,), (halved,) = kinds["pixel noise"], kinds["half of the pixels missing"]
    assert noisy.min() >= 0 and noisy.max() <= 255
    grey = evaluation.disturbed(np.full((20, 28, 28), 127.5))["pixel noise"][0] / 255
    # A normal cut at two deviations on either side keeps 0.959 of its own.
    assert grey.std() == pytest.approx(0.25 * 0.959, rel=0.01)
    kept = halved[images > 0] > 0
    assert kept.mean() == pytest.approx(0.5, abs=0.05) and set(np.unique(halved)) <= set(
        np.unique(images)
    )
    down, up, right, left = kinds["shifted by 1 pixel"]
    np.testing.assert_array_equal(down[:, 1:], images[:, :-1])
    np.testing.assert_array_equal(up[:, :-1], images[:, 1:])
    np.testing.assert_array_equal(right[:, :, 1:], images[:, :, :-1])
    np.testing.assert_array_equal(left[:, :, :-1], images[:, :, 1:])
    assert not down[:, 0].any() and not left[:, :, -1].any()


def test_robustness_is_the_mean_over_the_arrays_of_a_kind():
    labels = np.array([0, 1, 0, 1])
    plain = 255 * np.eye(2)[labels][:, None]  # of two pixels, the one of the label is white
    swapped = plain[..., ::-1]
    half, quarter = (np.concatenate([plain[:n], swapped[n:]]) for n in (2, 1))
    kinds = {"right": [plain], "several": [plain, half, quarter], "wrong": [swapped]}
    found = evaluation.robustness(np.eye(2)[:, None], kinds, labels)
    assert found == {"right": 1, "several": pytest.approx(7 / 12), "wrong": 0}


def test_a_paired_comparison_agrees_with_scipys_bootstrap_and_exact_test():
    from scipy import stats

    rng = np.random.default_rng(0)
    first = rng.random(2_000) < 0.9
    second = np.where(rng.random(2_000) < 0.08, ~first, first)
    difference, lower, upper, p_value = statistics.paired(first, second)
    resampled = stats.bootstrap(
        (first * 1.0, second * 1.0),
        lambda a, b, axis: (a - b).mean(axis=axis),
        paired=True,
        vectorized=True,
        rng=0,
    ).confidence_interval
    assert (lower, upper) == pytest.approx((resampled.low, resampled.high), abs=1e-3)
    assert difference == pytest.approx(first.mean() - second.mean())
    # By hand: both tails of a fair coin.
    heads, tosses = np.sum(first & ~second), np.sum(first != second)
    tail = stats.binom.cdf(min(heads, tosses - heads), tosses, 0.5)
    assert p_value == pytest.approx(min(1, 2 * tail))
    assert statistics.paired(first, first)[-1] == 1


def test_averaging_over_draws_without_a_width_is_asking_the_mean(digits):
    settings = Settings(DrawnWeights(0.0), steps=300, seeds=2, learning_rate=1e-2).on(digits)
    run = Run(settings, fit(settings, digits), {})
    test = digits.test_images, digits.test_labels
    for seed in range(2):
        averaged = evaluation.averaged_over_draws(run, seed, *test, draws=2)
        assert averaged == evaluation.correct(run.weights[seed], *test).mean()


def widely(technique, mu, log_sigma):
    """A run of drawn weights `[seeds, classes, 1, 1]`, that nobody trained."""
    arrays = {"parameters.mu": mu, "parameters.log_sigma": log_sigma}
    return Run(Settings(technique, seeds=len(mu)), arrays, {})


@pytest.mark.parametrize("technique, scale", [(DrawnWeights(0.5), 0.5), (VariationalWeights(), 1)])
def test_weights_are_drawn_around_their_mean_with_their_width(technique, scale):
    """Of an image of one white pixel, the logits are the weights."""
    mu = np.float32([[9, 9], [1, -0.5]]).reshape(2, 2, 1, 1)
    width = np.float32([[9, 9], [0.8, 0.6]]).reshape(2, 2, 1, 1)
    run = widely(technique, mu, np.log(width))
    white = np.full((1, 1, 1), 255, "uint8")
    p = evaluation.over_draws(run, 1, white, 40_000)
    assert p.shape == (40_000, 1, 2)
    apart = np.log(p[:, 0, 0] / p[:, 0, 1])
    assert apart.mean() == pytest.approx(1 - -0.5, abs=0.03)
    assert apart.std() == pytest.approx(scale * np.hypot(0.8, 0.6), rel=0.02)


def test_averaging_over_draws_can_answer_other_than_the_mean():
    """Two classes are so wide that one of them mostly wins, three eighths of the draws each."""
    mu, width = (np.float32(v).reshape(1, 3, 1, 1) for v in ([1, 0, 0], [1e-3, 1e3, 1e3]))
    run = widely(VariationalWeights(), mu, np.log(width))
    white, label = np.full((1, 1, 1), 255, "uint8"), np.array([0])
    assert evaluation.correct(mu[0], white, label).all()
    shares = evaluation.over_draws(run, 0, white, 10_000).mean(axis=0)[0]
    np.testing.assert_allclose(shares, [1 / 4, 3 / 8, 3 / 8], atol=0.02)
    assert evaluation.averaged_over_draws(run, 0, white, label, 10_000) == 0


@pytest.fixture
def late():
    """A run of two seeds whose last third is known, and of which the rest is wild."""
    seen = {200: [0.0, 1.0], 600: [0.9, 0.1]}  # 600 is two thirds: not yet late
    seen |= {700: [0.90, 0.80], 800: [0.92, 0.80], 900: [0.94, 0.86]}
    arrays = {"curve.step": np.array([*seen]), "curve.test_accuracy": np.array([*seen.values()])}
    return Run(Settings(steps=900, seeds=2), arrays, {})


def test_spreads_are_between_seeds_and_between_a_seeds_checkpoints(late):
    first, second = [0.90, 0.92, 0.94], [0.80, 0.80, 0.86]
    between = np.std([np.mean(first), np.mean(second)], ddof=1)
    within = np.sqrt(np.mean([np.var(first, ddof=1), np.var(second, ddof=1)]))
    assert statistics.spreads(late) == pytest.approx((between, within))
    assert statistics.spreads(late.sel(seed=1)) == (0, pytest.approx(np.std(second, ddof=1)))


def test_one_reading_has_both_spreads_and_the_freedom_of_the_better_known(late):
    between, within = statistics.spreads(late)
    spread, freedom = statistics.of_one_reading(late)
    assert spread == pytest.approx(np.hypot(between, within))
    # Satterthwaite's, by hand: one seed more than none, and two checkpoints more than one each.
    assert freedom == pytest.approx(spread**4 / (between**4 / 1 + within**4 / 4))


def test_two_seeds_of_one_kind_are_no_farther_apart_than_two_of_another_of_that_kind():
    """Groups of one kind, and of two: half the energy distance, by its closed form on a line.

    Of two normals at 0 and at d of deviation s, E|X - Y| is that of |N(d, 2 s^2)|.
    """
    rng = np.random.default_rng(0)
    groups = {"a": rng.normal(0, 1, 300), "b": rng.normal(0, 1, 300), "far": rng.normal(2, 1, 300)}
    found = statistics.apart(groups, lambda x, y: abs(x - y))
    means = {pair: values.mean() for pair, values in found.items()}
    own, across = 2 / np.sqrt(np.pi), stats.foldnorm.mean(2 / np.sqrt(2), scale=np.sqrt(2))
    assert means["a", "b"] == pytest.approx(0, abs=0.02)
    assert means["a", "far"] == pytest.approx(across - own, rel=0.1)


def test_the_interval_over_pseudovalues_holds_the_truth_as_often_as_it_says():
    """Where each seed is in several pairs, the interval over the pairs alone is too narrow."""
    rng, held = np.random.default_rng(0), []
    for _ in range(400):
        groups = dict(zip("ab", rng.normal(size=(2, 5, 20)), strict=True))
        values = statistics.apart(groups, lambda x, y: np.linalg.norm(x - y))["a", "b"]
        _, lower, upper = statistics.interval(values)
        held.append(lower <= 0 <= upper)
    assert 0.9 < np.mean(held) <= 0.99


def test_pseudovalues_of_a_mean_are_the_values_themselves():
    values = np.array([1.0, 5.0, 2.0])
    found = statistics.pseudovalues(lambda places: values[places].mean(), 3)
    np.testing.assert_allclose(found, values)
    assert len(statistics.pseudovalues(lambda places: values[places].mean(), 2)) == 1


def test_ranks_are_among_those_of_the_own_class():
    ranks = evaluation.rank_within_class(
        np.array([5.0, 1.0, 3.0, 7.0, 2.0]), np.array([0, 0, 0, 1, 1])
    )
    assert ranks.tolist() == [1, 0, 0.5, 1, 0]


def test_the_distance_from_the_mean_is_to_the_template_of_the_own_class(digits):
    images, labels = digits.test_images[:5], digits.test_labels[:5]
    templates = np.random.default_rng(0).random((10, 8, 8))
    by_hand = [
        sum((image[i, j] / 255 - templates[label][i, j]) ** 2 for i in range(8) for j in range(8))
        for image, label in zip(images, labels, strict=True)
    ]
    assert len(set(labels)) > 1
    np.testing.assert_allclose(evaluation.distance_from_mean(images, labels, templates), by_hand)


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_a_surface_is_the_loss_of_weights_that_are_really_changed(digits, loss):
    images, labels = digits.test_images[:60], digits.test_labels[:60]
    weights = np.random.default_rng(0).normal(scale=0.3, size=(10, 8, 8))
    digit, pixels, offsets = 3, [(2, 3), (5, 4)], [-4.0, 0.0, 7.0]
    targets = np.eye(10)[labels]

    def by_keras(weights):
        z = images.reshape(60, 64) / 255 @ weights.reshape(10, 64).T
        if loss == "cross_entropy":
            return float(keras.losses.CategoricalCrossentropy(from_logits=True)(targets, z))
        return float(keras.losses.MeanSquaredError()(targets, softmax(z, axis=1))) / 2

    def moved(a, b):
        changed = weights.copy()
        changed[digit][pixels[0]] += a
        changed[digit][pixels[1]] += b
        return by_keras(changed)

    surface = evaluation.loss_surface(weights, images, labels, digit, pixels, offsets, loss)
    expected = [[moved(a, b) for a in offsets] for b in offsets]
    np.testing.assert_allclose(surface, expected, rtol=1e-5)
    assert np.ptp(surface) > 1e-2 and not np.allclose(surface, surface.T, rtol=1e-2)


def test_grain_is_the_mean_square_above_a_frequency():
    """Of a checkerboard it is all, of a wave of eight pixels nothing; and both add up."""
    board = 3 * (-1.0) ** np.add.outer(np.arange(16), np.arange(16))
    wave = np.tile(np.sin(2 * np.pi * np.arange(16) / 8), (16, 1))
    assert measures.grain(board) == pytest.approx(9)
    assert measures.grain(wave) == pytest.approx(0, abs=1e-12)
    assert measures.grain([board + wave, wave]) == pytest.approx(4.5)
    noise = np.random.default_rng(0).normal(size=(10, 16, 16))
    share = measures.grain(noise) / np.mean((noise - noise.mean((1, 2), keepdims=True)) ** 2)
    assert share == pytest.approx(measures.high_frequencies(noise), rel=1e-3)
