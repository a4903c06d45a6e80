"""Settings: checked, the same after a way through JSON, and the axes that they span."""

import json
import math
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regularization.core.model import LOSSES, OPTIMIZERS
from regularization.core.settings import ALONG, Settings, indices_of
from regularization.core.technique import Technique
from regularization.core.techniques import L2, Dropout, ElasticNet, WeightAveraging
from regularization.study import registry, tuning

EACH = registry.TECHNIQUES | registry.CORRECTIONS
#: Numbers that every rule for a hyperparameter may or may not allow.
NUMBERS = st.one_of(st.floats(0, 1), st.floats(1, 1e6), st.integers(1, 100))


def through_json(settings):
    """What comes back; NaN or infinity would not."""
    return Settings.from_json(json.loads(json.dumps(settings.to_json(), allow_nan=False)))


@pytest.mark.parametrize("slug", EACH)
@pytest.mark.parametrize("settings_of", [registry.settings, tuning.budget])
def test_the_settings_of_every_technique_come_back_through_json(slug, settings_of):
    there = settings_of(slug, "paper")
    back = through_json(there)
    assert back == there and hash(back) == hash(there)
    assert type(back.technique) is type(there.technique)
    assert back.technique.settings() == there.technique.settings()
    assert (back.axes, back.shape) == (there.axes, there.shape)
    assert back.to_json() == there.to_json() and str(back) == str(there)


@st.composite
def some_settings(draw):
    """Settings of any technique, of which anything may be several."""
    kind = type(draw(st.sampled_from(list(EACH.values()))).technique)

    def one_or_several(values, kind=list):
        many = st.lists(values, min_size=1, max_size=4, unique=True)
        return draw(values | many.map(kind))

    own = {}
    for each in fields(kind):
        valid = each.metadata["range"].holds
        own[each.name] = one_or_several(NUMBERS.filter(lambda value, v=valid: v(np.array(value))))
    return Settings(
        kind(**own),
        steps=draw(st.integers(1, 10**6)),
        seeds=draw(
            st.integers(1, 5) | st.lists(st.integers(0, 2**31 - 1), min_size=1, unique=True)
        ),
        learning_rate=one_or_several(st.floats(1e-9, 10), tuple),
        batch_size=draw(st.integers(1, 1_000)),
        loss=draw(st.sampled_from([*LOSSES])),
        train_size=draw(st.none())
        if draw(st.booleans())
        else one_or_several(st.integers(1, 10**5)),
        label_noise=one_or_several(st.floats(0, 1)),
        hidden=draw(st.lists(st.integers(1, 2_000), max_size=3)),
        optimizer=draw(st.sampled_from([*OPTIMIZERS])),
        initial_stddev=one_or_several(st.floats(1e-6, 1), tuple),
        every=draw(st.none() | st.integers(1, 1_000)),
        frames=draw(st.integers(0, 30)),
        dataset=draw(st.none() | st.text(max_size=9)),
    )


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(some_settings(), st.data())
def test_any_settings_come_back_and_a_part_of_them_is_what_it_is_of(there, data):
    back = through_json(there)
    assert back == there and hash(back) == hash(there) and {back, there} == {there}
    assert [*there.axes][-1] == "seed" and there.shape == tuple(map(len, there.axes.values()))
    columns, technique = there.of_models()
    assert {len(column) for column in columns.values()} == {math.prod(there.shape)}
    name = data.draw(st.sampled_from([*there.axes]))
    value = data.draw(st.sampled_from(there.axes[name]))
    part = there.at(**{name: value})
    rest = {k: v for k, v in there.axes.items() if k != name}
    assert part.axes == (rest | {"seed": (value,)} if name == "seed" else rest)
    own = {k: getattr(part, k) for k in ALONG} | part.technique.settings()
    assert name == "seed" or own[name] == value
    assert there.at(**{name: [value]}).axes == there.axes | {name: (value,)}


def test_a_whole_number_is_the_number_that_it_equals():
    one, other = Settings(L2(1), steps=5), Settings(L2(1.0), steps=5)
    assert one == other and hash(one) == hash(other)
    assert one != Settings(L2(2), steps=5) and one != "L2(strength=1), 5 steps"


def test_numpys_numbers_are_numbers():
    there = Settings(
        L2(np.float64(0.5)),
        steps=np.int64(7),
        seeds=np.array([3, 1]),
        learning_rate=np.array([1e-3, 1e-2]),
        batch_size=np.int32(8),
        train_size=np.int64(100),
        every=np.int64(2),
        frames=np.int64(3),
        hidden=[np.int64(16)],
    )
    plain = Settings(
        L2(0.5),
        steps=7,
        seeds=[3, 1],
        learning_rate=(1e-3, 1e-2),
        batch_size=8,
        train_size=100,
        every=2,
        frames=3,
        hidden=(16,),
    )
    assert there == plain == through_json(there)
    assert Settings(seeds=np.int64(2)) == Settings(seeds=2) == Settings(seeds=(0, 1))


GRID = Settings(
    ElasticNet([1e-3, 1e-2], share=[0.25, 0.5, 0.75]),
    seeds=(7, 4),
    learning_rate=[1e-2, 1e-3, 1e-4, 1e-5],
    train_size=(500, 100),
    label_noise=(0.0, 0.1),
)


def test_the_axes_are_the_techniques_then_the_trainings_and_the_seeds_last():
    assert GRID.axes == {
        "strength": (1e-3, 1e-2),
        "share": (0.25, 0.5, 0.75),
        "learning_rate": (1e-2, 1e-3, 1e-4, 1e-5),
        "train_size": (500, 100),
        "label_noise": (0.0, 0.1),
        "seed": (7, 4),
    }
    assert [*GRID.axes][-1] == "seed" and GRID.shape == (2, 3, 4, 2, 2, 2)
    assert Settings(L2(0.1)).axes == {"seed": (0,)}
    assert Settings(L2([0.1]), seeds=3).shape == (1, 3)  # one value in a list is an axis
    assert str(GRID).startswith("192 models of ElasticNet(") and str(GRID).endswith("3,000 steps")


def test_models_are_the_places_of_the_grid_the_last_axis_fastest():
    columns, technique = GRID.of_models()
    places = [
        (strength, share, rate, size, wrong, seed)
        for strength in (1e-3, 1e-2)
        for share in (0.25, 0.5, 0.75)
        for rate in (1e-2, 1e-3, 1e-4, 1e-5)
        for size in (500, 100)
        for wrong in (0.0, 0.1)
        for seed in (7, 4)
    ]
    assert [*zip(*(columns[name].tolist() for name in GRID.axes), strict=True)] == places
    for name in ("strength", "share"):
        assert getattr(technique, name).tolist() == np.float32(columns[name]).tolist()
    assert technique.train_size.tolist() == columns["train_size"].tolist()


def test_what_all_models_share_is_a_number_to_the_technique():
    columns, technique = Settings(L2(0.1), seeds=3, train_size=50).of_models()
    assert technique.strength == 0.1 and technique.train_size == 50 and not technique.arrays()
    assert columns["learning_rate"].tolist() == [1e-4] * 3
    assert columns["train_size"].tolist() == [50] * 3


def test_a_part_of_the_grid_has_the_value_or_the_shorter_axis():
    part = GRID.at(strength=1e-2, learning_rate=[1e-3, 1e-5], seed=4)
    assert part.technique.strength == 1e-2 and part.learning_rate == (1e-3, 1e-5)
    assert [*part.axes] == ["share", "learning_rate", "train_size", "label_noise", "seed"]
    assert part.seeds == (4,) and part.axes["learning_rate"] == (1e-3, 1e-5)
    single = Settings(L2([0.01, 0.1]), seeds=2).at(strength=0.01)
    assert single.technique == L2(strength=0.01) and single == Settings(L2(0.01), seeds=2)
    assert GRID.at() == GRID


def test_a_label_that_nearly_is_a_value_is_that_value():
    there = Settings(L2([1e-4, 3e-4]), learning_rate=[1e-3, 1e-2])
    part = there.at(strength=np.float32(3e-4), learning_rate=10**-2.0000000001)
    assert part.technique.strength == 3e-4 and part.learning_rate == 1e-2
    close = Settings(learning_rate=[1.0, 1.0 + 1e-7, 1.0 - 1e-7])
    for value in close.learning_rate:
        assert close.at(learning_rate=value).learning_rate == value
    assert indices_of({"a": (0.0, 1e-300)}, "a", [0, 1e-300]) == [0, 1]


def test_what_is_not_on_the_grid_is_refused():
    with pytest.raises(KeyError, match="no axis 'rate'. Expected one of strength, share, learning"):
        GRID.at(rate=0.5)
    with pytest.raises(ValueError, match="strength has no 0.002. Expected one of .0.001, 0.01."):
        GRID.at(strength=2e-3)
    with pytest.raises(ValueError, match="seed has no 0. Expected one of .7, 4."):
        GRID.at(seed=[7, 0])
    with pytest.raises(KeyError, match="no axis 'learning_rate'"):
        Settings().at(learning_rate=1e-4)


def test_settings_on_digits_have_their_name_and_size(digits):
    there = Settings(L2(0.1)).on(digits)
    assert (there.dataset, there.train_size) == ("digits", len(digits.train_images))
    assert there.on(digits) == there and through_json(there) == there
    several = Settings(train_size=[100, 200]).on(digits)
    assert several.train_size == (100, 200)
    with pytest.raises(ValueError, match="dataset='mnist'.*expected digits"):
        Settings(dataset="mnist").on(digits)


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    "wrong, word",
    [
        (dict(technique="dropout"), "technique='dropout'.*a technique"),
        (dict(technique=Dropout), "technique=<class .*a technique"),
        (dict(technique=None), "technique=None"),
        (dict(technique=L2([0.1, 0.1])), r"strength=\[0.1, 0.1\].*each value once"),
        (dict(steps=0), "steps=0"),
        (dict(steps=-1), "steps=-1"),
        (dict(steps=1.5), "steps=1.5"),
        (dict(steps=True), "steps=True"),
        (dict(steps=None), "steps=None"),
        (dict(steps=2**31), "steps=2147483648"),
        (dict(steps=[10, 20]), r"steps=\[10, 20\]"),
        (dict(seeds=0), "seeds=0"),
        (dict(seeds=-2), "seeds=-2"),
        (dict(seeds=[]), r"seeds=\[\]"),
        (dict(seeds=[-1]), r"seeds=\[-1\]"),
        (dict(seeds=[3, 3]), r"seeds=\[3, 3\].*different seeds"),
        (dict(seeds=[2**31]), r"seeds=\[2147483648\]"),
        (dict(seeds="12"), "seeds='12'"),
        (dict(seeds=[0.7, 1.9]), r"seeds=\[0.7, 1.9\]"),
        (dict(seeds=[0, True]), r"seeds=\[0, True\]"),
        (dict(seeds=1.5), "seeds=1.5"),
        (dict(seeds=True), "seeds=True"),
        (dict(seeds=None), "seeds=None"),
        (dict(seeds=np.array([[1, 2]])), r"seeds=array\(\[\[1, 2\]\]\)"),
        (dict(learning_rate=0), "learning_rate=0"),
        (dict(learning_rate=-1), "learning_rate=-1"),
        (dict(learning_rate=NAN), "learning_rate=nan"),
        (dict(learning_rate=INFINITY), "learning_rate=inf"),
        (dict(learning_rate=1e-50), "learning_rate=1e-50"),
        (dict(learning_rate=10**400), "learning_rate="),
        (dict(learning_rate=True), "learning_rate=True"),
        (dict(learning_rate=None), "learning_rate=None"),
        (dict(learning_rate="fast"), "learning_rate='fast'"),
        (dict(learning_rate=[]), r"learning_rate=\[\]"),
        (dict(learning_rate=[1e-3, -1]), r"learning_rate=\[0.001, -1\]"),
        (dict(learning_rate=[1e-3, NAN]), r"learning_rate=\[0.001, nan\]"),
        (dict(learning_rate=[1e-3, 1e-3]), r"learning_rate=\[0.001, 0.001\]"),
        (dict(learning_rate=[1, 1.0]), r"learning_rate=\[1, 1.0\]"),
        (dict(learning_rate=[[1e-3], [1e-3, 1e-2]]), r"learning_rate=\[\[0.001\]"),
        (dict(learning_rate=np.ones((2, 2))), r"learning_rate=array\(\[\[1., 1.\], \[1., 1.\]\]\)"),
        (dict(batch_size=0), "batch_size=0"),
        (dict(batch_size=32.0), "batch_size=32.0"),
        (dict(loss="hinge"), "loss='hinge'.*squared_error, cross_entropy"),
        (dict(loss=["hinge"]), r"loss=\['hinge'\]"),
        (dict(loss=None), "loss=None"),
        (dict(train_size=0), "train_size=0"),
        (dict(train_size=2**31), "train_size=2147483648"),
        (dict(train_size=100.0), "train_size=100.0"),
        (dict(train_size=[100.5, 10]), r"train_size=\[100.5, 10\]"),
        (dict(train_size=[100, 100]), r"train_size=\[100, 100\]"),
        (dict(train_size=True), "train_size=True"),
        (dict(label_noise=None), "label_noise=None"),
        (dict(label_noise=1.5), "label_noise=1.5"),
        (dict(label_noise=-0.1), "label_noise=-0.1"),
        (dict(label_noise=NAN), "label_noise=nan"),
        (dict(label_noise=[0, 0.0]), r"label_noise=\[0, 0.0\]"),
        (dict(hidden=(0,)), r"hidden=\(0,\)"),
        (dict(hidden=(16, -1)), r"hidden=\(16, -1\)"),
        (dict(hidden=(16.0,)), r"hidden=\(16.0,\)"),
        (dict(hidden=(True,)), r"hidden=\(True,\)"),
        (dict(hidden=128), "hidden=128"),
        (dict(hidden=None), "hidden=None"),
        (dict(hidden="16"), "hidden='16'"),
        (dict(every=0), "every=0"),
        (dict(every=2.5), "every=2.5"),
        (dict(every=True), "every=True"),
        (dict(frames=-1), "frames=-1"),
        (dict(frames=True), "frames=True"),
        (dict(frames=None), "frames=None"),
        (dict(dataset=3), "dataset=3"),
    ],
    ids=str,
)
def test_values_that_make_no_sense_are_refused(wrong, word):
    with pytest.raises(ValueError, match=word) as caught:
        Settings(**wrong)
    message = str(caught.value)
    assert "xpected" in message and "\n" not in message and len(message) < 600


@pytest.mark.parametrize(
    "wrong, word",
    [
        (dict(train_size=10**6), r"train_size=1000000\): expected .* 1,257"),
        (dict(train_size=[10**6, 100]), r"train_size=\(1000000, 100\)"),
        (dict(train_size=10), "batch_size=32.* 1 to 10"),
        (dict(train_size=[100, 10]), "batch_size=32.* 1 to 10"),
        (dict(batch_size=10**6), "batch_size=1000000"),
    ],
)
def test_what_the_digits_cannot_give_is_refused(digits, wrong, word):
    with pytest.raises(ValueError, match=word) as caught:
        Settings(**wrong).on(digits)
    assert "xpected" in str(caught.value) and "\n" not in str(caught.value)


VALUES = Settings(L2([0.1, 0.2]), learning_rate=[1e-3, 1e-2]).to_json()


@pytest.mark.parametrize(
    "values, word",
    [
        (None, "version None. Expected version 3"),
        ([], r"version \[\]"),
        ({}, "version None"),
        (VALUES | {"version": 1}, "version 1. Expected version 3"),
        (VALUES | {"version": "1"}, "version '1'"),
        (VALUES | {"colour": 1}, "unknown or missing keys: 'colour'"),
        (VALUES | {"a\nb": 1}, r"keys: 'a\\nb'"),
        ({k: v for k, v in VALUES.items() if k != "steps"}, "missing keys: 'steps'"),
        (VALUES | {"technique": {"name": "L3"}}, "no technique 'L3'. Expected one of .*L2.*train"),
        (VALUES | {"technique": {"strength": 1}}, "no technique None"),
        (VALUES | {"technique": {"name": ["L2"]}}, r"no technique \['L2'\]"),
        (VALUES | {"technique": "L2"}, "no technique None"),
        (VALUES | {"technique": None}, "no technique None"),
        (VALUES | {"technique": {"name": "L2"}}, "L2 has other hyperparameters than 'strength'"),
        (
            VALUES | {"technique": {"name": "L2", "strength": 1, "share": 2}},
            "L2 has other hyperparameters than 'share'",
        ),
        (VALUES | {"technique": {"name": "L2", "strength": -1}}, "strength=-1.*at least 0"),
        (VALUES | {"technique": {"name": "L2", "strength": []}}, r"strength=\[\].*at least 0"),
        (VALUES | {"technique": {"name": "L2", "strength": None}}, "strength=None"),
        (VALUES | {"technique": {"name": "L2", "strength": [1, 1]}}, "each value once"),
        (VALUES | {"steps": "many"}, "steps='many'"),
        (VALUES | {"steps": True}, "steps=True"),
        (VALUES | {"seeds": 2**31 - 1}, "seeds=2147483647.*a list of seeds"),
        (VALUES | {"seeds": [0.5]}, r"seeds=\[0.5\]"),
        (VALUES | {"learning_rate": [1e-3, "x"]}, "learning_rate="),
        (VALUES | {"hidden": {"a": 1}}, "hidden="),
        (VALUES | {"optimizer": "lion"}, "optimizer='lion'.*adam, sgd"),
        (VALUES | {"initial_stddev": -1}, "initial_stddev=-1.*at least 0"),
        (VALUES | {"initial_stddev": 0, "hidden": [8]}, "initial_stddev=0.*above 0"),
    ],
    ids=str,
)
def test_json_of_another_kind_is_refused(values, word):
    with pytest.raises(ValueError, match=word) as caught:
        Settings.from_json(values)
    message = str(caught.value)
    assert "xpected" in message or "it was another" in message or "should be" in message
    assert "\n" not in message and len(message) < 1_000


def test_a_technique_of_a_notebook_comes_back_and_hides_none_of_the_package():
    @dataclass(frozen=True)
    class Twice(L2, Dropout):
        """L2 and dropout."""

    there = Settings(Twice(strength=0.1, rate=[0.2, 0.3]))
    assert type(through_json(there).technique) is Twice

    mine = type("L1", (Dropout,), {})
    assert mine.__name__ == "L1"
    assert type(through_json(Settings(registry.get("l1").technique)).technique) is not mine


def test_settings_are_values():
    there = Settings(WeightAveraging(5), hidden=[4, 4])
    assert replace(there, steps=5) != there and replace(there, steps=3_000) == there
    assert {there: 1}[Settings(WeightAveraging(5), hidden=(4, 4))] == 1
    with pytest.raises(AttributeError):
        there.steps = 5
    assert Settings() == Settings(Technique())
