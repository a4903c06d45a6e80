"""Each technique against NumPy by hand, and against Keras's own layer or regularizer."""

import keras
import numpy as np
import pytest
from scipy.stats import norm

from regularization import experiments
from regularization.backend import ops
from regularization.noise import draw, reader
from regularization.techniques import (
    L1,
    L2,
    DensityWeights,
    DrawnWeights,
    Dropout,
    GaussianWeights,
    InputNoise,
    Technique,
    VariationalWeights,
    WeightNormalization,
    WeightNormalizationWithGain,
)

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(2, 10, 12)).astype("float32")
X = RNG.uniform(size=(2, 5, 12)).astype("float32")


def numpy(array):
    return ops.convert_to_numpy(array)


def test_no_regularization_changes_nothing():
    plain = Technique()
    parameters = plain.parameters(KERNEL)
    assert plain.weights(parameters) is KERNEL and plain.inputs(X) is X
    assert plain.penalty(parameters) == 0 and plain.noise(X.shape, KERNEL.shape) == {}


def test_dropout_keeps_what_the_noise_says_and_scales_it():
    keep = RNG.uniform(size=X.shape) < 0.7
    dropped = numpy(Dropout(rate=0.3).inputs(ops.convert_to_tensor(X), keep))
    np.testing.assert_allclose(dropped, np.where(keep, X / 0.7, 0), rtol=1e-6)
    assert Dropout(rate=0.3).inputs(X) is X
    assert Dropout(rate=0.3).noise(X.shape, KERNEL.shape)["inputs"].probability == 0.7


def test_dropout_is_kerass_dropout():
    """The same share dropped, the same scale of what is left."""
    ones = np.ones((1, 400, 500), "float32")
    dropout = Dropout(rate=0.4)
    draws = dropout.noise(ones.shape[1:], None)
    bulk = draw(draws, ops.convert_to_tensor(np.array([1], "int32")), 0, 1)
    ours = numpy(dropout.inputs(ops.convert_to_tensor(ones), reader(draws, bulk)(0, 0)["inputs"]))
    theirs = numpy(keras.layers.Dropout(0.4, seed=1)(ones, training=True))
    assert np.unique(ours) == pytest.approx(np.unique(theirs))
    # 200,000 draws: five standard errors are 0.0055.
    assert np.mean(ours == 0) == pytest.approx(np.mean(theirs == 0), abs=0.008)
    assert ours.mean() == pytest.approx(1, abs=0.02)


def test_dropout_takes_a_rate_for_each_replica():
    keep = np.stack([np.ones_like(X[0]), RNG.uniform(size=X[1].shape)]) > 0.5
    both = numpy(Dropout(rate=np.array([0.0, 0.5])).inputs(ops.convert_to_tensor(X), keep))
    np.testing.assert_allclose(both[0], X[0], rtol=1e-6)
    np.testing.assert_allclose(both[1], np.where(keep[1], 2 * X[1], 0), rtol=1e-6)


def test_the_technique_of_some_replicas_has_their_hyperparameters():
    path = L2(strength=np.array([0.1, 0.2, 0.3])).of_replicas([2, 0])
    assert path.strength.tolist() == [0.3, 0.1]
    assert Dropout(rate=0.3).of_replicas([2, 0]) == Dropout(rate=0.3)


def test_l2_is_half_the_squares_and_kerass_l2_at_half_the_strength():
    penalty = numpy(L2(strength=0.01).penalty({"kernel": ops.convert_to_tensor(KERNEL)}))
    by_hand = [0.01 / 2 * sum(w**2 for w in kernel.ravel()) for kernel in KERNEL]
    np.testing.assert_allclose(penalty, by_hand, rtol=1e-5)
    theirs = [float(keras.regularizers.L2(0.005)(ops.convert_to_tensor(k))) for k in KERNEL]
    np.testing.assert_allclose(penalty, theirs, rtol=1e-5)


def test_l2_takes_a_strength_for_each_replica():
    kernel = ops.convert_to_tensor(KERNEL)
    path = numpy(L2(strength=np.geomspace(0.1, 1, 2)).penalty({"kernel": kernel}))
    single = [numpy(L2(strength=s).penalty({"kernel": kernel}))[i] for i, s in enumerate([0.1, 1])]
    np.testing.assert_allclose(path, single, rtol=1e-6)


def test_l1_is_kerass():
    penalty = numpy(L1(strength=0.01).penalty({"kernel": ops.convert_to_tensor(KERNEL)}))
    theirs = [float(keras.regularizers.L1(0.01)(ops.convert_to_tensor(k))) for k in KERNEL]
    np.testing.assert_allclose(penalty, theirs, rtol=1e-5)


def test_input_noise_is_kerass_gaussian_noise():
    """The same mean and spread; at test time, none."""
    zeros = np.zeros((2, 200, 300), "float32")
    noise = RNG.standard_normal(zeros.shape).astype("float32")
    ours = numpy(InputNoise(np.array([0.1, 0.4])).inputs(ops.convert_to_tensor(zeros), noise))
    for scale, noisy in zip((0.1, 0.4), ours, strict=True):
        theirs = numpy(keras.layers.GaussianNoise(scale, seed=1)(zeros[0], training=True))
        assert noisy.std() == pytest.approx(theirs.std(), rel=0.02)
        assert noisy.mean() == pytest.approx(theirs.mean(), abs=0.01)
    assert InputNoise(0.3).inputs(X) is X
    (draw,) = InputNoise().noise((32, 5), None).values()
    assert (draw.kind, draw.shape) == ("normal", (32, 5))


def test_weight_normalization_takes_a_norm_for_each_replica():
    norms = np.array([2.0, 7.0])
    ours = numpy(WeightNormalization(norms).weights({"kernel": ops.convert_to_tensor(KERNEL)}))
    np.testing.assert_allclose(np.linalg.norm(ours, axis=(1, 2)), norms, rtol=1e-5)


def test_variational_weights_start_narrow_and_are_drawn_weights():
    technique = VariationalWeights()
    start = technique.parameters(ops.convert_to_tensor(KERNEL))
    np.testing.assert_array_equal(numpy(start["mu"]), KERNEL)
    noise = RNG.standard_normal(KERNEL.shape).astype("float32")
    drawn = numpy(technique.weights(start, noise))
    np.testing.assert_allclose(drawn, KERNEL + np.exp(-3) * noise, rtol=1e-4, atol=1e-6)


def test_weight_normalization_divides_by_the_norm_of_the_whole_matrix():
    parameters = {"kernel": ops.convert_to_tensor(KERNEL)}
    ours = numpy(WeightNormalization().weights(parameters))
    np.testing.assert_allclose(ours, [k / np.linalg.norm(k) for k in KERNEL], rtol=1e-5)
    # Keras normalizes vectors: the same for a matrix laid flat.
    flat = numpy(keras.layers.UnitNormalization()(KERNEL.reshape(2, -1)))
    np.testing.assert_allclose(ours.reshape(2, -1), flat, rtol=1e-5)


def test_gaussian_weights_are_the_posts_function_not_a_density():
    mu, log_sigma = KERNEL * 0.1, KERNEL[::-1] * 0.1
    noise = RNG.normal(size=KERNEL.shape).astype("float32")
    parameters = {"mu": ops.convert_to_tensor(mu), "log_sigma": ops.convert_to_tensor(log_sigma)}
    technique = GaussianWeights(noise_scale=0.5)
    sigma = np.exp(log_sigma)
    for drawn, n in [(noise, 0.5 * noise), (None, 0)]:
        expected = np.exp(-(((n - mu) / sigma) ** 2) / (2 * sigma**2)) / (
            np.sqrt(2 * np.pi) * sigma
        )
        np.testing.assert_allclose(numpy(technique.weights(parameters, drawn)), expected, rtol=1e-5)


def test_density_weights_are_scipys_normal_density():
    mu, log_sigma = KERNEL * 0.1, KERNEL[::-1] * 0.1
    noise = RNG.normal(size=KERNEL.shape).astype("float32")
    parameters = {"mu": ops.convert_to_tensor(mu), "log_sigma": ops.convert_to_tensor(log_sigma)}
    for drawn, n in [(noise, 0.5 * noise), (None, 0)]:
        ours = numpy(DensityWeights(noise_scale=0.5).weights(parameters, drawn))
        np.testing.assert_allclose(ours, norm.pdf(n, mu, np.exp(log_sigma)), rtol=1e-5)


def test_drawn_weights_have_the_mean_and_the_width_that_are_trained():
    mu, log_sigma = KERNEL[:1], KERNEL[1:] * 0.1
    noise = RNG.normal(size=(20_000, *KERNEL.shape[1:])).astype("float32")
    parameters = {"mu": ops.convert_to_tensor(mu), "log_sigma": ops.convert_to_tensor(log_sigma)}
    drawn = numpy(DrawnWeights(noise_scale=0.5).weights(parameters, noise))
    np.testing.assert_allclose(drawn.mean(axis=0), mu[0], atol=0.02)
    np.testing.assert_allclose(drawn.std(axis=0), 0.5 * np.exp(log_sigma[0]), rtol=0.05)
    at_test = numpy(DrawnWeights(noise_scale=0.5).weights(parameters))
    np.testing.assert_array_equal(at_test, mu)
    (draw,) = DrawnWeights().noise((32, 5), KERNEL.shape[1:]).values()
    assert (draw.kind, draw.shape) == ("normal", KERNEL.shape[1:])


def test_weight_normalization_with_gain_learns_length_and_direction_apart():
    technique = WeightNormalizationWithGain()
    start = technique.parameters(ops.convert_to_tensor(KERNEL))
    np.testing.assert_allclose(numpy(technique.weights(start)), KERNEL, rtol=1e-5)
    gain = RNG.uniform(1, 2, (*KERNEL.shape[:2], 1)).astype("float32")
    ours = numpy(technique.weights(start | {"gain": ops.convert_to_tensor(gain)}))
    # A class's weights have the gain's length and, by Keras's own normalization, the direction.
    directions = numpy(keras.layers.UnitNormalization(axis=-1)(KERNEL))
    np.testing.assert_allclose(ours, gain * directions, rtol=1e-5)


@pytest.mark.parametrize(
    "make, name, expected",
    [
        (lambda: Dropout(rate=1.0), "rate=1.0", r"\[0, 1\)"),
        (lambda: L1(strength=-1), "strength=-1", "at least 0"),
        (lambda: InputNoise(scale=-1), "scale=-1", "at least 0"),
        (lambda: WeightNormalization(norm=0), "norm=0", "above 0"),
        (lambda: VariationalWeights(prior=0), "prior=0", "above 0"),
        (lambda: VariationalWeights(images=0), "images=0", "number of training images"),
        (lambda: Dropout(rate=-0.1), "rate=-0.1", r"\[0, 1\)"),
        (lambda: Dropout(rate=float("nan")), "rate=nan", r"\[0, 1\)"),
        (lambda: Dropout(rate="half"), "rate='half'", r"\[0, 1\)"),
        (lambda: Dropout(rate=np.array([0.5, 1.5])), "rate=array", r"\[0, 1\)"),
        (lambda: L2(strength=-1e-9), "strength=-1e-09", "at least 0"),
        (lambda: L2(strength=None), "strength=None", "at least 0"),
        (lambda: GaussianWeights(noise_scale=-1), "noise_scale=-1", "at least 0"),
    ],
)
def test_a_hyperparameter_out_of_range_is_refused(make, name, expected):
    with pytest.raises(ValueError, match=f"{expected}.*Give a value") as caught:
        make()
    assert name in str(caught.value)


def test_an_unknown_technique_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no technique 'droput'.*dropout, gaussian_weights, l2"):
        experiments.get("droput")
