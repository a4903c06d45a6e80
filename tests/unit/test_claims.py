"""The ledger: what follows from which evidence, and that it follows from nothing else."""

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy import stats

from regularization.analysis import claims
from regularization.analysis.claims import FAILS, HOLDS, IN_PART, OPEN, Check, Estimate, claim


def estimate(lower, upper):
    return Estimate((lower + upper) / 2, lower, upper, 5, "by hand")


@pytest.mark.parametrize(
    "lower, upper, outcome",
    [
        (0.1, 0.2, HOLDS),
        (0.0, 1.0, HOLDS),
        (-0.1, 0.2, OPEN),
        (0.9, 1.1, OPEN),
        (-1.0, 2.0, OPEN),
        (-0.2, -0.1, FAILS),
        (1.1, 1.2, FAILS),
        (-math.inf, math.inf, OPEN),
    ],
)
def test_a_check_holds_with_its_whole_interval_within_the_bounds(lower, upper, outcome):
    assert Check("x", estimate(lower, upper), 0, 1).outcome == outcome


@pytest.mark.parametrize(
    "outcomes, verdict",
    [
        ([HOLDS, HOLDS], HOLDS),
        ([FAILS, FAILS], FAILS),
        ([HOLDS, FAILS], IN_PART),
        ([HOLDS, FAILS, OPEN], IN_PART),
        ([HOLDS, OPEN], OPEN),
        ([FAILS, OPEN], OPEN),
        ([], OPEN),
    ],
)
def test_a_verdict_follows_from_the_checks(outcomes, verdict):
    ends = {HOLDS: (1, 2), FAILS: (-2, -1), OPEN: (-1, 1)}
    checks = [Check("x", estimate(*ends[outcome]), low=0) for outcome in outcomes]
    assert claim("name", "text", *checks).verdict == verdict


def test_one_seed_or_none_tells_nothing():
    for values in ([], [3.0]):
        assert Check("x", claims.over_seeds(values), low=0).outcome == OPEN


def test_estimates_are_what_scipy_makes_of_them():
    from scipy import stats

    values = [1.0, 2.0, 4.0, 4.5]
    ours = claims.over_seeds(values)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (ours.lower, ours.upper, ours.n) == pytest.approx((theirs.low, theirs.high, 4))


def test_a_comparison_on_the_same_images_names_n_and_its_test():
    first, second = np.array([True] * 90 + [False] * 10), np.array([True] * 80 + [False] * 20)
    ours = claims.over_images(first, second)
    assert (ours.mean, ours.n) == (pytest.approx(10), 100) and "McNemar, p = 0.002" in ours.test
    assert ours.lower > 0


def test_a_ledger_comes_back_as_it_went_and_its_file_is_json(tmp_path):
    kept = [
        claim(
            "a",
            "A.",
            Check("x", claims.over_seeds([1, 2]), low=0),
            Check("y", claims.exact(2), 2, 2),
        ),
        claim("b", "B.", Check("x", claims.over_seeds([1]), high=3)),
        claim("c", "C."),
    ]
    claims.save(kept, tmp_path / "ledger.json")
    json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    back = claims.load(tmp_path / "ledger.json")
    assert [each.as_dict() for each in back] == [each.as_dict() for each in kept]


def test_a_claim_cannot_be_given_a_verdict():
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        claim("a", "A.").verdict = HOLDS


def test_one_more_run_falls_where_runs_fall():
    from scipy import stats

    rng = np.random.default_rng(0)
    checks = [
        claims.one_more_run("x", draws[0], draws[1:]) for draws in rng.normal(size=(4_000, 6))
    ]
    assert np.mean([check.outcome == HOLDS for check in checks]) == pytest.approx(0.95, abs=0.01)
    # With a spread that is known to be larger, and a figure that was rounded.
    wide = claims.one_more_run("x", 5.0, [1.0, 3.0], spread=2.0, rounding=0.5)
    assert wide.high == pytest.approx(stats.t.ppf(0.975, 1) * 2 * np.sqrt(1.5) + 0.5)
    assert wide.estimate.mean == 3
    assert claims.one_more_run("x", 5.0, [5.0]).outcome == OPEN


@pytest.mark.parametrize("low, high", [(math.nan, 1), (0, math.nan), (2, 1), (math.inf, math.inf)])
def test_bounds_that_nothing_lies_between_are_refused(low, high):
    with pytest.raises(ValueError, match="Expected two numbers"):
        Check("x", claims.exact(1), low, high)


def test_evidence_that_is_not_a_number_tells_nothing_before_and_after_saving(tmp_path):
    checks = (
        Check("x", claims.over_seeds([math.nan, 1.0]), low=0),
        claims.one_more_run("y", 1.0, [math.nan, 1.0]),
    )
    for check in checks:
        claims.save([claim("a", "A.", check)], tmp_path / "ledger.json")
        (back,) = claims.load(tmp_path / "ledger.json")
        assert check.outcome == back.verdict == OPEN


def test_one_difference_from_a_control_has_students_interval_and_many_have_wider_ones():
    rng = np.random.default_rng(0)
    control, *others = 0.9 + 0.01 * rng.standard_normal((6, 5))
    alone = claims.against_control({"a": others[0]}, control)["a"]
    student = stats.ttest_ind(100 * others[0], 100 * control).confidence_interval()
    assert (alone.lower, alone.upper) == pytest.approx((student.low, student.high), abs=0.01)
    assert alone.mean == pytest.approx(100 * np.mean(others[0] - control)) and alone.n == 5
    five = claims.against_control(dict(zip("abcde", others, strict=True)), control)
    pooled = np.sqrt(np.mean([np.var(each, ddof=1) for each in (control, *others)]) * 2 / 5)
    half = (five["a"].upper - five["a"].lower) / 2
    critical = half / (100 * pooled)
    assert critical == pytest.approx(2.70, abs=0.01)  # Dunnett (1955), table 2: 24 and 5
    once = claims.against_control({"a": others[0][:1]}, control[:1])["a"]
    assert math.isinf(once.upper)


def test_what_is_positive_has_a_positive_interval():
    values = [0.01, 0.03, 0.2]
    found = claims.positive(values)
    student = stats.ttest_1samp(np.log(values), 0).confidence_interval()
    assert np.log([found.lower, found.upper]) == pytest.approx((student.low, student.high))
    assert found.mean == pytest.approx(stats.gmean(values)) and found.lower > 0
    assert claims.over_seeds(values).lower < 0
    assert "no interval" in str(claims.positive(values[:1]))


def test_points_are_gained_seed_by_seed():
    first, second = [0.93, 0.91, 0.95], [0.90, 0.89, 0.90]
    ours, by_hand = claims.points(first, second), claims.over_seeds([3, 2, 5])
    assert (ours.mean, ours.lower, ours.upper) == pytest.approx(
        (by_hand.mean, by_hand.lower, by_hand.upper), abs=0.01
    )


def test_no_two_accuracies_are_more_than_a_hundred_points_apart():
    wild = claims.points([0.9, 0.1], [0.1, 0.9])
    assert -100 <= wild.lower < wild.mean < wild.upper <= 100


@pytest.mark.parametrize(
    "low, high, words",
    [
        (2, 2, "expected 2"),
        (0.5, math.inf, "expected at least 0.5"),
        (-math.inf, -0.25, "expected at most −0.25"),
        (-1, 1500, "expected −1 to 1,500"),
    ],
)
def test_a_check_says_its_bounds(low, high, words):
    assert Check("x", claims.exact(1), low, high).expected == words


@pytest.mark.parametrize(
    "estimate, words",
    [
        (claims.over_seeds([]), "no evidence"),
        (claims.exact(7), "7"),
        (claims.over_seeds([-2.5]), "−2.5 (no interval)"),
        (Estimate(0.25, -0.5, 1.0, 5, "x"), "0.2 (−0.5 to 1.0)"),
    ],
)
def test_an_estimate_says_its_interval_where_there_is_one(estimate, words):
    assert str(estimate) == words


def test_a_p_value_is_that_of_the_test_whose_interval_it_is():
    values = [0.3, 0.5, 0.1, 0.4, 0.6]
    check = Check("x", claims.over_seeds(values), low=0)
    assert check.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    far = Check("x", claims.over_seeds(values), low=2)
    assert far.p_value == pytest.approx(stats.ttest_1samp(values, 2).pvalue)
    for undecided in (claims.over_seeds([-1.0, 1.2]), claims.exact(3), claims.over_seeds([1.0])):
        assert Check("x", undecided, low=0).p_value is None


def test_of_many_checks_those_that_chance_may_have_decided_are_named():
    """One that is beyond doubt, and one whose interval hardly keeps off its bound."""
    sure = [1.0, 1.001, 0.999, 1.0, 1.0]
    lucky = Estimate(1.0, 0.02, 1.98, 5, "t interval over seeds")
    checks = [Check("sure", claims.over_seeds(sure), 0), Check("lucky", lucky, 0)]
    found = claims.decided_by_chance([claim("all", "", *checks)])
    assert [check.what for _, check in found] == ["lucky"]
    assert claims.decided_by_chance([claim("none", "")]) == []


@pytest.mark.parametrize(
    "lower, upper, low, near",
    [(1.1, 1.3, 1, True), (1.3, 1.5, 1, False), (0.7, 0.9, 1, True), (-5, -4, 0, False)],
)
def test_a_verdict_is_near_a_bound_where_a_fifth_of_it_would_change_it(lower, upper, low, near):
    assert claim("x", "", Check("y", estimate(lower, upper), low=low)).near_a_bound == near


def test_another_test_set_adds_as_an_independent_error_does():
    over = claims.over_seeds([0.7, 0.8, 0.6, 0.75, 0.7])
    wider = claims.with_another_test_set(over, 0.25)
    half = np.hypot(over.upper - over.mean, 1.96 * 0.25)
    assert (wider.lower, wider.upper) == pytest.approx((over.mean - half, over.mean + half))
    assert claims.with_another_test_set(over, 0).upper == pytest.approx(over.upper)
