"""The built ledger: enough claims, each with evidence, each verdict following from it."""

import itertools
import json
import tomllib
from dataclasses import replace
from pathlib import Path

from bs4 import BeautifulSoup
from conftest import UNLEARNED, dataset_of

from regularization.analysis import claims
from regularization.analysis.claims import FAILS, HOLDS, OPEN, Estimate
from regularization.study.registry import EXPERIMENTS

UNTESTED = {"easiest"}  # nothing here measures how easy something is
CONJECTURES = {"deep-impact", "deeper-dropout", "deeper-alike", "promising", "promising-idea"}


#: Of each claim's checks, the bounds: none may have moved since its outcome was seen.
BOUNDS = tomllib.loads(Path(__file__).with_name("bounds.toml").read_text(encoding="utf-8"))


def flipped(check):
    """The check with evidence that says the opposite: outside its bounds, or inside them."""
    inside = check.low if check.high == float("inf") else check.high
    outside = check.low - 1 if check.low > float("-inf") else check.high + 1
    value = outside if check.outcome == HOLDS else inside
    return replace(check, estimate=Estimate(value, value, value, 5, "flipped"))


def test_it_has_the_posts_claims_with_evidence(built):
    ledger = claims.load(built / "results" / "ledger.json")
    names = [claim.name for claim in ledger]
    assert len(names) == len(set(names))
    with_evidence = [claim for claim in ledger if claim.checks]
    unlearned = UNLEARNED.get(dataset_of(built), set())
    assert {claim.name for claim in with_evidence} == BOUNDS.keys() - unlearned
    assert {claim.name for claim in ledger if not claim.checks} == UNTESTED | unlearned
    assert {claim.name for claim in with_evidence} >= CONJECTURES - unlearned
    cells = itertools.product(EXPERIMENTS, ("accuracy", "min", "max", "runtime"))
    assert {"-".join(cell) for cell in cells} <= set(names)  # each of the post's table
    for claim in with_evidence:
        for check in claim.checks:
            assert check.estimate.n >= 1 and check.estimate.test


def test_what_is_saved_is_what_the_checks_say(built):
    path = built / "results" / "ledger.json"
    saved = {
        claim["name"]: claim["verdict"] for claim in json.loads(path.read_text(encoding="utf-8"))
    }
    assert saved == {claim.name: claim.verdict for claim in claims.load(path)}


def test_each_check_has_the_bounds_that_were_chosen_for_it(built):
    found = {
        claim.name: [
            "computed" if "prediction" in check.estimate.test else [check.low, check.high]
            for check in claim.checks
        ]
        for claim in claims.load(built / "results" / "ledger.json")
        if claim.checks
    }
    unlearned = UNLEARNED.get(dataset_of(built), ())
    # Of two deeper networks one may have learned too little to count: quick, on the stand-in.
    fewer = {name: BOUNDS[name][: len(found[name])] for name in found if name.startswith("deep")}
    bounds = {name: BOUNDS[name] for name in BOUNDS if name not in unlearned}
    assert all(found[name] for name in fewer) and found == bounds | fewer


def test_each_bound_that_claims_a_size_says_why_it_is_there(built):
    """Zero claims a direction, and for a ratio one; a bound that is computed is said elsewhere."""
    for claim in claims.load(built / "results" / "ledger.json"):
        for check in claim.checks:
            finite = {b for b in (check.low, check.high) if abs(b) < float("inf")} - {0}
            computed = "prediction" in check.estimate.test or check.low == check.high
            assert computed or not finite or check.why, (claim.name, check.what)


def test_each_verdict_flips_when_its_evidence_does(built):
    for claim in claims.load(built / "results" / "ledger.json"):
        if not claim.checks:
            continue
        other = replace(claim, checks=tuple(map(flipped, claim.checks)))
        assert other.verdict != claim.verdict or claim.verdict == claims.IN_PART, claim.name
        # A claim that holds in part changes when the checks that fail, or those that hold, flip.
        if claim.verdict == claims.IN_PART:
            failing = [flipped(c) if c.outcome != HOLDS else c for c in claim.checks]
            assert replace(claim, checks=tuple(failing)).verdict == HOLDS, claim.name
            holding = [flipped(c) if c.outcome != FAILS else c for c in claim.checks]
            if not any(c.outcome == OPEN for c in claim.checks):
                assert replace(claim, checks=tuple(holding)).verdict == FAILS, claim.name


def test_every_verdict_can_be_followed_to_the_table_of_its_checks(built):
    page = BeautifulSoup(
        (built / "html" / "reproduction.html").read_text(encoding="utf-8"), "html.parser"
    )
    names = [claim.name for claim in claims.load(built / "results" / "ledger.json")]
    links = [a["href"] for a in page.select('td a[href^="#claim-"], th a[href^="#claim-"]')]
    assert links == [f"#claim-{name}" for name in names]
    marks = page.select("nav.verdicts a")
    assert [mark["href"] for mark in marks] == links
    for name in names:
        section = page.find(id=f"claim-{name}").find_parent("section")
        assert "claim(" in section.select_one("details.code-fold").get_text(), name
