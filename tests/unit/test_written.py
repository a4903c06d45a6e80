"""How numbers are written: digits follow from an interval, and no zero has a sign."""

import math

import numpy as np
import pytest

from regularization.analysis import written

MINUS = written.MINUS


@pytest.mark.parametrize(
    "estimate, words",
    [
        ((0.108, 0.0759, 0.14), "0.11 (0.08 to 0.14)"),  # one digit of the side, 0.03
        ((0.15, -0.0577, 0.358), "0.15 (−0.06 to 0.36)"),  # two, since it begins with 2: 0.21
        ((93.246, 93.204, 93.288), "93.25 (93.20 to 93.29)"),
        ((0.000313, -0.0241, 0.0247), "0.000 (−0.024 to 0.025)"),
        ((0.8213, 0.8193, 0.8233), "0.8213 (0.8193 to 0.8233)"),
        ((1.0013, 0.9993, 1.0033), "1.001 (0.999 to 1.003)"),  # four digits are enough
        ((-27.0, -41.2, -13.1), "−27 (−41 to −13)"),
        ((60_123, 59_023, 61_223), "60,123 (59,023 to 61,223)"),
        ((0.02, 0.006, 0.07), "0.020 (0.006 to 0.070)"),  # the shorter side, not half of both
        ((-0.962, -1.944, 0.0206), "−0.96 (−1.94 to 0.02)"),  # an end says on which side of zero
        ((-3.4e-10, -1.3e-9, 6e-10), "−3e-10 (−13e-10 to 6e-10)"),
        ((94.0, 94.0, 94.0), "94"),
        ((0.3, 0.1 + 0.2, 0.3), "0.3"),  # alike but for rounding
        ((0.5, -math.inf, math.inf), "0.5"),
    ],
)
def test_an_intervals_shorter_side_says_how_many_digits_there_are(estimate, words):
    assert written.interval(*estimate) == words


@pytest.mark.parametrize(
    "estimate, words",
    [
        ((93.246, 93.204, 93.288), "+93.25 ± 0.04 %"),
        ((0.004, -0.208, 0.216), "0.00 ± 0.21 %"),
        ((-0.04, -0.14, 0.06), "−0.04 ± 0.10 %"),
        ((-27.6, -92.6, 78.7), "−28 % (−93 to 79)"),  # not as far on both sides
        ((1.0, 1.0, 1.0), "+1 %"),
        ((0.0, 0.0, 0.0), "0 %"),
        (np.array([0.4, 0.0, 0.8]), "+0.4 ± 0.4 %"),  # of NumPy, and its end is zero
    ],
)
def test_a_spread_is_one_number_where_both_sides_are_alike(estimate, words):
    assert written.spread(*estimate, unit=" %", sign="+") == words


def test_no_width_is_written_as_zero_and_all_three_have_as_many_places():
    rng = np.random.default_rng(0)
    for mean, half in zip(rng.normal(size=300), 10 ** rng.uniform(-5, 1, 300), strict=True):
        said = written.interval(mean, mean - half, mean + half)
        three = said.replace("(", "").replace(")", "").replace(" to", "").split()
        assert len({len(each.partition(".")[2]) for each in three}) == 1
        low, high = (float(each.replace(MINUS, "-")) for each in three[1:])
        assert high - low == pytest.approx(2 * half, rel=0.34)  # a digit of the half is 3 at least


@pytest.mark.parametrize(
    "value, places, words",
    [(-0.004, 2, "0.00"), (0.004, 2, "0.00"), (-1234.56, 1, "−1,234.6"), (0.25, 1, "+0.2")],
)
def test_a_zero_has_no_sign_and_a_minus_is_one(value, places, words):
    assert written.fixed(value, places, "+") == words


@pytest.mark.parametrize(
    "low, high, words",
    [
        (-1.95, 1.64, "−1.9 to 1.6"),
        (3.9e-29, 0.79, "0.00 to 0.79"),
        (-0.062, 0.0971, "−0.062 to 0.097"),
    ],
)
def test_the_ends_of_a_span_have_one_last_place(low, high, words):
    assert written.span(low, high) == words


@pytest.mark.parametrize(
    "value, words",
    [
        (0.123456, "0.123"),
        (999.4, "999"),
        (999.7, "1,000"),
        (1234.5678, "1,235"),
        (-12345.6, "−12,346"),
        (-0.00012345, "−0.000123"),
        (-1e-7, "−1e-07"),
        (0.5, "0.5"),
        (math.inf, "inf"),
        (0, "0"),
    ],
)
def test_a_number_has_three_digits_or_is_whole(value, words):
    assert written.number(value) == words


def test_a_number_with_its_digits_named_has_all_of_them():
    assert [written.number(value, 2) for value in (2, -0.5, 43.2)] == ["2.0", "−0.50", "43"]
