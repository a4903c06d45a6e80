"""The ledger: a claim of the post, the checks that decide it, and the verdict that follows.

A verdict is never written down. It follows from estimates with intervals and from bounds that are
stated beside them.
"""

import json
import math
from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy import stats

from regularization.analysis import statistics, written
from regularization.analysis.statistics import ANYWHERE
from regularization.results import files

HOLDS, IN_PART, FAILS, OPEN = "holds", "holds in part", "does not hold", "cannot be told"
#: A verdict, and what it is of several claims.
SEVERAL = {HOLDS: "hold", IN_PART: "hold in part", FAILS: "do not hold", OPEN: OPEN}
POINTS = (-100, 100)  # within which two accuracies differ


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, and how it was come by."""

    mean: float
    lower: float
    upper: float
    n: int
    test: str

    def __str__(self):
        """Write the mean and, where there is one, the interval."""
        if self.n == 0:
            return "no evidence"
        none = " (no interval)" * math.isinf(self.lower)
        return written.interval(self.mean, self.lower, self.upper) + none


def over_seeds(values, within=ANYWHERE):
    """Return the mean over seeds with Student's t interval; of one seed or none it tells nothing.

    It lies `within` the ends that the quantity has (`statistics`). Where `values` are differences
    between two techniques seed by seed, it is the paired t interval: a seed gives both the same
    start and the same order of images.
    """
    values = [float(value) for value in values]
    if len(values) < 2:
        mean = values[0] if values else math.nan
        return Estimate(mean, -math.inf, math.inf, len(values), "t interval over seeds")
    found = map(float, statistics.interval(values, within))
    return Estimate(*found, len(values), "t interval over seeds")


def positive(values):
    """Return the geometric mean over seeds with the t interval of the logarithms.

    For what cannot be zero or less, as a length or a ratio: neither can the ends of the interval.
    """
    logs = over_seeds(np.log([float(value) for value in values]))
    mean, lower, upper = (math.exp(each) for each in (logs.mean, logs.lower, logs.upper))
    lower = -math.inf if logs.n < 2 else lower
    return Estimate(mean, lower, upper, logs.n, "t interval of the logarithms over seeds")


def points(first, second):
    """Return how many points the accuracies of one run are above another's, seed by seed."""
    return over_seeds((100 * (a - b) for a, b in zip(first, second, strict=True)), POINTS)


def against_control(accuracies, control):
    """Return how many points each of the `accuracies`, by name, lies above a control's.

    All are over the same seeds. The 95 % intervals hold for all differences at once, since they
    share the control (Dunnett, 1955).
    """
    if len(control) < 2:
        return {name: points(each, control) for name, each in accuracies.items()}
    *others, base = (100 * np.asarray(each) for each in (*accuracies.values(), control))
    ends = stats.dunnett(*others, control=base, rng=0).confidence_interval(0.95)
    means = [float(each.mean() - base.mean()) for each in others]
    found = zip(means, map(float, ends.low), map(float, ends.high), strict=True)
    how = "Dunnett's interval over seeds"
    return {
        name: Estimate(*each, len(base), how) for name, each in zip(accuracies, found, strict=True)
    }


def over_images(first, second):
    """Return the difference of two models' accuracies in points, on the same test images."""
    *shares, p = statistics.paired(first, second)
    test = f"McNemar, p {'< 0.0001' if p < 1e-4 else f'= {p:.2g}'}"
    return Estimate(*(100 * share for share in shares), len(first), test)


def exact(value):
    """Return a number that has no spread: a count, or a figure computed from quoted ones."""
    return Estimate(float(value), float(value), float(value), 1, "counted")


@dataclass(frozen=True)
class Check:
    """Whether an estimate lies between two bounds; `why` they are where they are."""

    what: str
    estimate: Estimate
    low: float = -math.inf
    high: float = math.inf
    why: str = ""

    def __post_init__(self):
        """Refuse bounds that are not numbers, or in the wrong order."""
        if not (self.low <= self.high and self.low < math.inf and self.high > -math.inf):
            raise ValueError(
                f"Check({self.what!r}): the bounds are {self.low} and {self.high}. "
                "Expected two numbers, the lower one first. Mend what they are computed from."
            )

    @property
    def outcome(self):
        """It holds with the whole interval inside the bounds, fails with all of it outside."""
        lower, upper = self.estimate.lower, self.estimate.upper
        if self.low <= lower and upper <= self.high:
            return HOLDS
        if upper < self.low or lower > self.high:
            return FAILS
        return OPEN

    @property
    def expected(self):
        """The bounds in words, and why they are there."""
        why = f" ({self.why})" if self.why else ""
        if self.low == self.high:
            return f"expected {written.number(self.low)}{why}"
        if math.isinf(self.high):
            return f"expected at least {written.number(self.low)}{why}"
        if math.isinf(self.low):
            return f"expected at most {written.number(self.high)}{why}"
        return f"expected {written.number(self.low)} to {written.number(self.high)}{why}"

    @property
    def p_value(self):
        """How likely so clear an outcome is by chance; None where it has no interval, or is open.

        That of the two-sided test whose interval it is, at the bound nearest to the estimate.
        """
        e = self.estimate
        if self.outcome == OPEN or not 0 < e.upper - e.lower < math.inf:
            return None
        of = stats.norm if "McNemar" in e.test else stats.t(e.n - 1)
        error = (e.upper - e.lower) / 2 / of.ppf(0.975)
        away = min(abs(e.mean - bound) for bound in (self.low, self.high))
        return float(2 * of.sf(away / error))

    def with_bounds_times(self, factor):
        """Return the check with its bound times a factor; of two bounds, their distance."""
        if math.isinf(self.low) or math.isinf(self.high):
            return replace(self, low=self.low * factor, high=self.high * factor)
        centre, reach = (self.low + self.high) / 2, (self.high - self.low) / 2 * factor
        return replace(self, low=centre - reach, high=centre + reach)


@dataclass(frozen=True)
class Claim:
    """What the post says, in this book's words, and the checks that decide it."""

    name: str
    text: str
    checks: tuple

    @property
    def verdict(self):
        """All checks hold, or none does, or some do; or what is left cannot be told."""
        outcomes = {check.outcome for check in self.checks}
        if {HOLDS, FAILS} <= outcomes:
            return IN_PART
        if OPEN in outcomes or not outcomes:
            return OPEN
        return outcomes.pop()

    @property
    def near_a_bound(self):
        """Whether another verdict would follow if one of the bounds were a fifth off."""
        moved = (
            (*self.checks[:place], check.with_bounds_times(factor), *self.checks[place + 1 :])
            for place, check in enumerate(self.checks)
            for factor in (0.8, 1.2)
        )
        return any(replace(self, checks=checks).verdict != self.verdict for checks in moved)

    def as_dict(self):
        """Return the claim as what JSON can hold, verdict and outcomes included."""
        checks = [
            {
                "what": check.what,
                "estimate": _finite(asdict(check.estimate)),
                "bounds": _finite({"low": check.low, "high": check.high}),
                "why": check.why,
                "outcome": check.outcome,
            }
            for check in self.checks
        ]
        return {"name": self.name, "text": self.text, "verdict": self.verdict, "checks": checks}


def decided_by_chance(claims):
    """Return the checks whose outcome may be chance, since there are so many: (claim, check).

    Of those with an interval that are decided, the false discovery rate is held at 5 % however they
    depend on each other (Benjamini and Yekutieli, 2001).
    """
    decided = [(c, check) for c in claims for check in c.checks if check.p_value is not None]
    if not decided:
        return []
    adjusted = stats.false_discovery_control([c.p_value for _, c in decided], method="by")
    return [each for each, p in zip(decided, adjusted, strict=True) if p > 0.05]


def with_another_test_set(estimate, error):
    """Return an estimate with an interval that holds what other test images would change, too.

    `error` is the standard error from the images that there happen to be, in the same unit. The two
    add as independent errors do, the second by the normal distribution.
    """
    halves = np.hypot(
        [estimate.mean - estimate.lower, estimate.upper - estimate.mean], 1.96 * error
    )
    ends = dict(lower=estimate.mean - halves[0], upper=estimate.mean + halves[1])
    return replace(estimate, **ends, test=f"{estimate.test}, and another test set")


def one_more_run(what, quoted, values, spread=None, freedom=None, rounding=0.0):
    """Return the check that a figure of one run lies where one more run of ours would fall.

    `values` are ours, one a seed, `spread` the standard deviation of a single run with its degrees
    of `freedom`, if it is known better than from these values. The bounds are Student's 95 %
    prediction interval, `spread t sqrt(1 + 1/n)`, and half of the last digit that was printed,
    `rounding`.
    """
    values, test = np.asarray(values), "prediction interval of one more run"
    n = len(values)
    difference = float(quoted - np.mean(values))
    if n < 2 or not math.isfinite(difference):
        return Check(what, Estimate(difference, -math.inf, math.inf, n, test), 0, 0)
    spread = np.std(values, ddof=1) if spread is None else spread
    freedom = n - 1 if freedom is None else freedom
    reach = float(stats.t.ppf(0.975, freedom) * spread * math.sqrt(1 + 1 / n)) + rounding
    return Check(what, Estimate(difference, difference, difference, n, test), -reach, reach)


def claim(name, text, *checks):
    """Return a `Claim`; `name` is what its row in the ledger is linked by."""
    return Claim(name, text, checks)


def save(ledger, path):
    """Write the claims to a JSON file, whole or not at all."""
    files.write(path, json.dumps([each.as_dict() for each in ledger], indent=1) + "\n")


def load(path):
    """Return the claims that `save` has written; their verdicts follow anew."""
    return [
        Claim(
            each["name"],
            each["text"],
            tuple(
                Check(
                    check["what"],
                    Estimate(**_infinite(check["estimate"])),
                    **_infinite(check["bounds"]),
                    why=check["why"],
                )
                for check in each["checks"]
            ),
        )
        for each in json.loads(path.read_text(encoding="utf-8"))
    ]


_ENDS = {"lower": -math.inf, "low": -math.inf, "upper": math.inf, "high": math.inf}


def _finite(values):
    """Put None for what JSON has no word for."""
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()
    }


def _infinite(values):
    return {k: _ENDS.get(k, math.nan) if v is None else v for k, v in values.items()}
