"""What pages say of the runs, against the runs' own files: each number computed a second time."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import as_typed, dataset_of
from scipy import stats
from scipy.special import expit, logit

from regularization.analysis import claims, written
from regularization.core import data
from regularization.study.registry import EXPERIMENTS, POST, TECHNIQUES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page(built):
    """A function from a page's name to the page, parsed."""
    return lambda name: BeautifulSoup(
        as_typed((built / "html" / f"{name}.html").read_text(encoding="utf-8")), "html.parser"
    )


@pytest.fixture(scope="module")
def run(built):
    """A function from a run's name to what its file says, and its weights."""

    def run(name):
        with np.load(built / "results" / f"{name}.npz") as arrays:
            weights = arrays["weights"]
        return json.loads((built / "results" / f"{name}.json").read_text(encoding="utf-8")) | {
            "weights": weights
        }

    return run


def sentence(page, words):
    (found,) = [p.get_text() for p in page.select("article p") if words in p.get_text()]
    return found


def numbers(text):
    plain = text.replace("\N{MINUS SIGN}", "-").replace(",", "")
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", plain)]


def t_interval(values):
    """The mean of a few values, and the ends of Student's 95 % interval."""
    half = stats.t.isf(0.025, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return np.mean(values), np.mean(values) - half, np.mean(values) + half


def within(low, high, values):
    """The mean of a few values that lie between two ends, and an interval that does, too."""
    mean, width = np.mean(values), high - low
    share = (mean - low) / width
    if np.ptp(values) == 0:
        return mean, mean, mean
    half = (t_interval(values)[2] - mean) / width / (share * (1 - share))
    return mean, *(low + width * expit(logit(share) + half * np.array([-1, 1])))


def percent(accuracies):
    return written.interval(*within(0, 100, 100 * np.array(accuracies)), " %")


def assert_said(text, expected):
    """To one in the last place: sums of another order may round to the other side."""
    place = 10 ** -len(re.search(r"\d+(?:\.(\d+))?", text)[1] or "")
    assert numbers(text) == pytest.approx(numbers(expected), abs=1.01 * place)


def rows(table):
    return [[cell.get_text() for cell in row.select("th, td")] for row in table.select("tbody tr")]


def title(slug, run):
    return run["title"].removesuffix(", tuned")


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_a_techniques_pictures_are_said_to_be_those_of_its_run(page, run, slug):
    weights = run(slug)["weights"][0].astype("float64")
    pairs = [
        np.concatenate([weights[:, :, :-1].ravel(), weights[:, :-1].ravel()]),
        np.concatenate([weights[:, :, 1:].ravel(), weights[:, 1:].ravel()]),
    ]
    said = f"correlate at {written.fixed(np.corrcoef(pairs)[0, 1], 2)}), weights from "
    said += f"{written.span(weights.min(), weights.max())}."
    svgs = page(f"techniques/{slug}").select("figure svg")
    ten = [svg["aria-label"] for svg in svgs if svg["aria-label"].startswith("Ten weight images")]
    assert said in ten[0] and said in ten[1]  # with which the page opens, and large


@pytest.fixture(scope="module")
def by_seed(built):
    """What each technique has on the test images where every seed chooses by itself, in points."""
    table = pd.read_csv(built / "results" / "equal_care.csv")
    found = {}
    for slug, models in table.groupby("technique"):
        models = models.sort_values("learning_rate", kind="stable")  # the first of equal ones
        best = models.loc[models.groupby("seed")["validation_accuracy"].idxmax()]
        found[slug] = 100 * best.sort_values("seed")["test_accuracy"].to_numpy()
    return found


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_a_techniques_settings_and_gain_with_equal_care_are_of_its_runs(page, run, by_seed, slug):
    best, plain = run(f"{slug}_tuned"), run("no_regularization_tuned")
    said = sentence(page(f"techniques/{slug}"), "Validation chose")
    chosen, rest = said.split(". The test accuracy is then ")
    tried = [best["technique"][name] for name in TECHNIQUES[slug].tried]
    assert numbers(chosen) == pytest.approx([best["learning_rate"], *tried], rel=1e-5)
    own, others = (percent(each["test_accuracy"]) for each in (best, plain))
    if slug == "no_regularization":
        assert_said(rest.partition(", after ")[0], own)
        return
    gain = within(-100, 100, by_seed[slug] - by_seed["no_regularization"])
    said, of_none = rest.split(", and without regularization, chosen with the same care, ")
    assert_said(said, own)
    assert_said(re.search(r".*?\)|.*?%", of_none)[0], others)
    difference = re.search("the two numbers above: (.*?) points", rest)[1]
    assert_said(difference, written.interval(*gain))


def test_the_posts_figures_stand_beside_those_of_the_right_runs(page, run):
    (table,) = [t for t in page("comparison").select("table") if "as published" in t.get_text()]
    found = {row[0]: row[1:] for row in rows(table)}
    for slug in EXPERIMENTS:
        ours, theirs = run(slug), POST[slug]
        accuracy, published, smallest, largest = found[ours["title"]]
        own, then = (
            written.spread(*within(0, 100, 100 * np.array(ours[name])), " %")
            for name in ("test_accuracy", "test_accuracy_as_published")
        )
        assert_said(accuracy, own)
        assert_said(published, f"{then} | {100 * theirs['test_accuracy']:.1f} %")
        for cell, name in ((smallest, "weight_min"), (largest, "weight_max")):
            expected = [np.mean(ours[name]), theirs[name]]
            assert numbers(cell) == pytest.approx(expected, rel=0.06, abs=0.006)


def test_the_best_of_five_is_the_best(page, run):
    means = {run(slug)["title"]: np.mean(run(slug)["test_accuracy"]) for slug in EXPERIMENTS}
    said = sentence(page("comparison"), "highest test accuracy in this build")
    assert f": {max(means, key=means.get)}, " in said


def test_with_equal_care_each_row_is_of_its_run_and_what_follows_is_said(page, run, by_seed, built):
    care = page("equal_care")
    found = {row[0]: row for row in rows(care.select_one("table.sortable"))}
    control = by_seed["no_regularization"]
    tried = pd.read_csv(built / "results" / "equal_care.csv")
    tried = tried[tried["technique"] == "no_regularization"].sort_values("seed", kind="stable")
    placebos = {
        f"None at {rate:g}": 100 * models["test_accuracy"].to_numpy()
        for rate, models in tried.groupby("learning_rate")
    }
    others = {slug: by_seed[slug] for slug in TECHNIQUES if slug != "no_regularization"} | placebos
    ends = stats.dunnett(*others.values(), control=control, rng=1).confidence_interval()
    intervals = dict(zip(others, zip(ends.low, ends.high, strict=True), strict=True))
    above, below, gains = [], [], {}
    for slug in TECHNIQUES:
        best = run(f"{slug}_tuned")
        row = found.pop(title(slug, best))
        assert_said(row[2], percent(best["test_accuracy"]))
        assert numbers(row[6]) == pytest.approx([best["learning_rate"]], rel=0.05)
        if slug == "no_regularization":
            assert row[3] == ""
            continue
        gain, (low, high) = np.mean(by_seed[slug] - control), intervals[slug]
        assert_said(row[3], written.interval(gain, low, high))
        gains[row[0]] = gain
        above += [row[0]] if low > 0 else []
        below += [row[0]] if high < 0 else []
    nothing = {name: np.mean(accuracy - control) for name, accuracy in placebos.items()}
    for name, gain in nothing.items():
        assert_said(found.pop(name)[3], written.interval(gain, *intervals[name]))
    assert not found
    said = sentence(care, "the interval lies above zero for")
    for names, where in ((above, "above zero for"), (below, "below it for")):
        assert f"{where} {len(names)} ({', '.join(names) or 'none'})" in said
    largest = re.search(r"The largest gain is that of (.*?): ", said)[1]
    assert gains[largest] == pytest.approx(max(gains.values()))
    forest = next(
        svg["aria-label"]
        for svg in care.select("figure svg")
        if svg["aria-label"].startswith("From the largest down")
    )
    gains |= nothing
    listed = forest.removeprefix("From the largest down: ").split("; ")
    order = [each.rsplit(" (")[0].rsplit(" ", 1)[0] for each in listed]
    assert sorted(order) == sorted(gains)
    assert np.all(np.diff([gains[name] for name in order]) < 1e-9)


def test_each_claims_row_has_its_own_verdict_and_checks(page, built):
    ledger = page("reproduction")
    path = built / "results" / "ledger.json"
    near = {claim.name: ", near a bound" * claim.near_a_bound for claim in claims.load(path)}
    for claim in json.loads(path.read_text(encoding="utf-8")):
        row = ledger.find(id=f"claim-{claim['name']}").find_parent("tr")
        text, checks, verdict = row.select("th, td")
        assert text.get_text() == claim["text"]
        expected = claim["verdict"] + near[claim["name"]]
        assert verdict.get_text().split(" ", 1)[1] == expected
        marks = {"holds": "✓", "does not hold": "✗", "cannot be told": "?"}
        said = [summary.get_text() for summary in checks.select("summary")]
        assert len(said) == len(claim["checks"])
        for line, check in zip(said, claim["checks"], strict=True):
            assert line.startswith(f"{marks[check['outcome']]} {check['what']}: ")
        link = ledger.select_one(f'tr a[href="#claim-{claim["name"]}"]').find_parent("tr")
        held = sum(check["outcome"] == "holds" for check in claim["checks"])
        _, counts, last = [cell.get_text() for cell in link.select("th, td")]
        assert counts == f"{held} of {len(claim['checks'])}"
        assert last.split(" ", 1)[1] == expected


def test_the_errata_say_the_verdict_that_the_ledger_has_now(page, built):
    ledger = {c.name: c for c in claims.load(built / "results" / "ledger.json")}
    rows = [[*row.select("th, td")] for row in page("errata").select("article table tr")[1:]]
    known = tomllib.loads((ROOT / "book" / "errata.toml").read_text(encoding="utf-8"))["erratum"]
    assert len(rows) == len(known) > 10
    for (where, said, now, why), each in zip(rows, known, strict=True):
        assert [said.get_text(), why.get_text()] == [f"Then: {each['said']}", each["why"]]
        if "claim" in each:
            claim = ledger[each["claim"]]
            assert where.a["href"].endswith(f"#claim-{claim.name}")
            assert where.get_text() == claim.text and now.get_text().startswith(
                f"Now: {claim.verdict}: "
            )
        else:
            assert where.a["href"].endswith(f"{each['page'].rpartition('/')[2]}.html")


def test_the_digits_page_counts_the_digits(page, built):
    digits = data.load(dataset_of(built))
    said = page("setting/mnist").select_one("article").get_text()
    for images in (digits.train_images, digits.validation_images, digits.test_images):
        assert f"{len(images):,}" in said


def test_a_difference_is_that_of_the_numbers_beside_it(page):
    l2 = page("techniques/l2")
    (fifths,) = [t for t in l2.select("table") if "nearest fifth" in t.get_text()]
    terms = [numbers(" ".join(row[1:])) for row in rows(fifths)]
    said = numbers(sentence(l2, "on the typical images").partition("loses")[2])
    assert said == pytest.approx(np.subtract(terms[1], terms[0]))


def test_what_is_said_of_the_threshold_is_in_the_table_that_readers_take_along(page, built):
    table = pd.read_csv(built / "results" / "grain.csv")
    columns = ["images", "seed", "ridge", "test_accuracy", "neighbour_correlation"]
    assert [*table] == columns and table.duplicated(columns[:3]).sum() == 0
    said = sentence(page("why/grain"), "images are enough for")
    peak, peak_at, worst, worst_at, last, last_at = re.search(
        r"penalty ([\d,]+) images are enough for (.*?) of the test images; "
        r"with ([\d,]+) it is (.*?), and with ([\d,]+) (.*?)\. With",
        said,
    ).groups()
    bare = table[table.ridge == 0]
    for count, expected in ((peak, peak_at), (worst, worst_at), (last, last_at)):
        at = bare[bare.images == int(count.replace(",", ""))]
        assert_said(expected, percent(at.test_accuracy))
    # At the threshold it is worse than before and after, by more than draws differ.
    by_size = bare.groupby("images").test_accuracy.mean()
    assert by_size[int(worst.replace(",", ""))] < by_size[int(peak.replace(",", ""))]


def test_the_first_step_is_near_where_the_penalty_is_strong(built):
    table = pd.read_csv(built / "results" / "first_step.csv")
    assert [*table] == ["technique", "strength", "cosine"]
    l2 = table[table.technique == "l2"].set_index("strength").cosine.sort_index()
    assert l2.is_monotonic_increasing and l2[1.0] < 1
    if dataset_of(built) in ("mnist", "digits"):  # where it stands in the text
        assert l2[1.0] > 0.999 and 0.9 < l2[0.01]
    norm = table[table.technique == "weight_normalization"].set_index("strength").cosine
    assert norm.idxmin() == norm.index.max()  # the longer the weights may be, the farther
