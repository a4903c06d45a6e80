"""What a page is told of a cell that it can train again, from the cell's code and its run."""

import ast
import html
import json
import re

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT

from regularization.core.settings import Settings
from regularization.core.techniques import L2, Dropout, Technique, WeightAveraging
from workflow.site import live

PLAIN = Settings(L2(1e-4), steps=5_000, learning_rate=1e-3, train_size=100)


def numbers(told):
    return [(each["of"], each["name"]) for each in told["numbers"]]


def test_a_number_is_found_by_what_it_sets_and_where_it_stands():
    source = "x = L2(1e-4)\ntrial = train(Settings(x, steps=5_000, learning_rate=1e-3), digits)"
    told = live.told(source, [PLAIN])
    assert told["technique"] == "L2" and told["hyper"] == {"strength": 1e-4}
    assert told["training"]["train_size"] == 100 and told["loss"] == "squared_error"
    lines = source.split("\n")
    written = [lines[each["line"]][each["from"] : each["to"]] for each in told["numbers"]]
    assert written == ["1e-4", "5_000", "1e-3"]
    wanted = [("hyper", "strength"), ("training", "steps"), ("training", "learning_rate")]
    assert numbers(told) == wanted
    assert [each["whole"] for each in told["numbers"]] == [False, True, False]
    strength, steps, rate = told["numbers"]
    assert strength["low"] == 0 and steps["low"] == 1 and rate["above"] == 0
    assert "high" not in strength and strength["expected"] == "a number of at least 0"


def test_what_the_code_leaves_to_others_is_its_runs():
    """Of the chapter's runs it is the plainest that has the code's numbers."""
    source = "trial = train(replace(noisy, technique=L2(strength=1e-4)), digits)"
    noisy = Settings(L2(1e-4), steps=700, label_noise=0.3)
    odd = Settings(L2(1e-4), steps=700, label_noise=0.3, seeds=3, batch_size=8)
    others = [Settings(L2(1e-3)), Settings(Dropout(0.5)), odd]
    told = live.told(source, [*others, noisy])
    assert told["training"]["label_noise"] == 0.3 and told["training"]["steps"] == 700
    assert numbers(told) == [("hyper", "strength")]


def test_the_last_technique_is_meant_and_a_name_can_be_its_and_the_trainings():
    source = (
        "bare = train(Settings(Technique(), steps=300), digits)\n"
        "trial = train(Settings(WeightAveraging(steps=50), steps=200), digits)"
    )
    both = [Settings(Technique(), steps=300), Settings(WeightAveraging(50), steps=200)]
    told = live.told(source, both)
    assert told["technique"] == "WeightAveraging" and told["hyper"] == {"steps": 50}
    assert numbers(told) == [("hyper", "steps"), ("training", "steps")]
    assert told["training"]["steps"] == 200


@pytest.mark.parametrize(
    "source, settings",
    [
        ("label = 4\nimages = digits.train_images", PLAIN),
        ("technique = L2(1e-4)\ntrain(known, digits)", PLAIN),
        ("train(Settings(L2(strengths)), digits)", Settings(L2([1e-4, 1e-3]))),
        ("train(Settings(L2(1e-4), learning_rate=rates), digits)", Settings(learning_rate=(1, 2))),
        ("train(Settings(L2(1e-4), hidden=(64,)), digits)", Settings(L2(1e-4), hidden=(64,))),
        ("train(Settings(L2(1e-4), optimizer='sgd'), d)", Settings(L2(1e-4), optimizer="sgd")),
        ("class Both(L2, Dropout): pass\ntrain(Settings(Both()), digits)", PLAIN),
        ("train(Settings(L2(0.5)), digits)", PLAIN),
        ("train(Settings(L2(1e-4)), mine)", PLAIN),
    ],
    ids="trains not,no settings,several,rates,deeper,sgd,own class,no run,own data".split(","),
)
def test_what_a_page_cannot_train_is_not_offered(source, settings):
    assert live.told(source, [settings]) is None


def test_every_last_cell_that_trains_one_model_of_one_layer_is_live(built):
    """Without them the book would have less to try; each reason to be none is named here."""
    none = {
        "deeper": "hidden layers",
        "bilinear": "hidden layers",
        "other_pictures": "other data",
        "map": "several rates",
        "exact": "several rates",
        "strength": "a technique of its own",
        "speed": "it times",
    }
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        (source,) = [c.source for c in cells if c.id == "try-it" and c.cell_type == "code"] or [""]
        page = built / "html" / path.relative_to(ROOT / "book").with_suffix(".html")
        told = re.findall(r'data-live="cell" data-told="([^"]*)"', page.read_text(encoding="utf-8"))
        trains = re.search(r"\btrain\(|\bTeam\(", source) is not None
        assert len(told) == (trains and path.stem not in none), path.stem
        for each in json.loads(html.unescape(told[0]))["numbers"] if told else ():
            written = source.split("\n")[each["line"]][each["from"] : each["to"]]
            assert isinstance(ast.literal_eval(written), int if each["whole"] else float)
