"""How numbers are written: the one rule for tables, sentences, captions and alt texts.

The shorter side of an interval is written with one digit, or with two where it begins with 1 or 2
and the estimate has no more than four then. Estimate and ends have as many places: so no width is
zero that is not, and every digit is one that the evidence bears. Without a width the number stands
alone.
"""

import math

MINUS = "\N{MINUS SIGN}"


def fixed(value, places, sign=""):
    """Write a number with so many places, and its `sign` if it is above zero; no zero has one."""
    rounded = round(float(value), places)
    said = f"{abs(rounded):,.{places}f}"
    if places > 6:  # in units of the last one
        said = f"{abs(rounded) * 10**places:.0f}e-{places:02}"
    return (MINUS if rounded < 0 else sign if rounded > 0 else "") + said


def number(value, digits=None):
    """Write a number without an interval: three digits, as many as a few seeds bear, or whole.

    Of what is exact no zeros are written that say nothing. With `digits` all are, so many.
    """
    value = float(value)
    if 999.5 <= abs(value) < math.inf:
        return fixed(value, 0)
    said = f"{abs(value):#.{digits}g}".rstrip(".") if digits else f"{abs(value):.3g}"
    return MINUS * (value < 0) + said


def span(low, high):
    """Write the least and the most of several, with two digits of the longer one."""
    size = max(abs(low), abs(high)) or 1
    places = max(0, 1 - math.floor(math.log10(size)))
    return f"{fixed(low, places)} to {fixed(high, places)}"


def interval(mean, lower, upper, unit=""):
    """Write an estimate and where its interval ends: "93.25 % (93.20 to 93.29)"."""
    places = _places(mean, lower, upper)
    if places is None:
        return number(mean) + unit
    ends = f"{fixed(lower, places)} to {fixed(upper, places)}"
    return f"{fixed(mean, places)}{unit} ({ends})"


def spread(mean, lower, upper, unit="", sign=""):
    """Write an estimate and how far its interval goes: "0.40 ± 0.25".

    Where that is not as far on one side as on the other, its ends stand instead.
    """
    places = _places(mean, lower, upper)
    if places is None:
        return ("" if mean <= 0 else sign) + number(mean) + unit
    if abs(upper - mean - (mean - lower)) >= 10**-places:
        return interval(mean, lower, upper, unit)
    return f"{fixed(mean, places, sign)} ± {fixed((upper - lower) / 2, places)}{unit}"


def _places(mean, lower, upper):
    """Return how many places an interval's digits need; None where it has no width, or no end."""
    sides = [side for side in (mean - lower, upper - mean) if side > 0]
    if not sides or math.isinf(upper - lower) or math.isclose(lower, upper, abs_tol=1e-12):
        return None
    exponent = math.floor(math.log10(min(sides)))
    two = min(sides) < 3 * 10.0**exponent and abs(mean) * 10.0 ** (1 - exponent) < 10_000
    least = max(0, int(two) - exponent)  # also of NumPy's numbers, whose powers are other ones
    # An end says on which side of zero all lies, so it gets two places more before it is a zero.
    enough = (n for n in range(least, least + 3) if round(lower, n) and round(upper, n))
    return next(enough, least)
