"""Sweeps: what a file says becomes blocks, blocks become rows, rows become the chapters' grids."""

import math

import numpy as np
import pytest
import xarray as xr
from conftest import ROOT

from regularization.analysis import swept
from regularization.core.settings import ALONG, Settings
from regularization.core.techniques import L2, Dropout
from regularization.results import provenance
from regularization.results.store import train
from regularization.study import sweeps

SMALL = """
seeds = 3
steps = 30
learning_rate = 1e-2
train_size = [100, "all"]
models_per_job = 5
[techniques.no_regularization]
[techniques.l2]
strength = [0, 1e-3]
[techniques.dropout]
rate = 0.5
"""


#: More values than a message has room for.
LONG = f"{{}} = [{'1, ' * 200}]"


@pytest.fixture
def file(tmp_path):
    def written(text):
        (tmp_path / "small.toml").write_text(text, encoding="utf-8")
        return tmp_path / "small.toml"

    return written


@pytest.fixture(scope="module", autouse=True)
def runs(tmp_path_factory):
    """A store of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNS_DIR", str(tmp_path_factory.mktemp("build") / "runs"))
        patch.setenv("TQDM_DISABLE", "1")
        yield


@pytest.fixture(scope="module")
def tables(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("sweep") / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return [swept.rows(slug, train(each, digits)) for slug, each in sweeps.read(path, digits)]


@pytest.fixture
def table(tables, tmp_path):
    swept.write(tables, tmp_path / "table.csv")
    return swept.read_table(tmp_path / "table.csv")


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Where a chapter looks for the table of the sweep called `swept`."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "build" / "runs"))
    return tmp_path / "build" / "sweeps" / "swept.csv"


def test_a_grid_is_every_setting_with_every_size_and_seed_once(table):
    """1 + 2 + 1 settings, two sizes, three seeds."""
    names = ["technique", "strength", "rate", "train_size", "seed"]
    models = [*table[names].astype(object).fillna("").itertuples(index=False, name=None)]
    settings = [("no_regularization", "", ""), ("dropout", "", 0.5)]
    settings += [("l2", strength, "") for strength in (0, 1e-3)]
    expected = {(*s, size, seed) for s in settings for size in (100, 1257) for seed in range(3)}
    assert set(models) == expected and len(models) == len(expected) == 24
    last = ["training_steps", "batch_size", "loss", "dataset", "backend", "source_hash"]
    assert [*table][3:] == [*ALONG, "seed", *last, *swept.MEASURES]


def test_blocks_are_as_large_as_the_file_says_and_of_one_technique(file, digits):
    """The seeds are divided first; where one has too many models, the longest other axis is."""
    blocks = sweeps.read(file(SMALL), digits)
    found = [(slug, each.seeds, math.prod(each.shape)) for slug, each in blocks]
    assert found == [
        ("no_regularization", (0, 1), 4), ("no_regularization", (2,), 2),
        ("l2", (0,), 4), ("l2", (1,), 4), ("l2", (2,), 4),
        ("dropout", (0, 1), 4), ("dropout", (2,), 2),
    ]  # fmt: skip
    blocks = sweeps.read(file(SMALL.replace("[0, 1e-3]", "[0, 1e-5, 1e-3]")), digits)
    l2 = [settings for slug, settings in blocks if slug == "l2"]
    assert [(each.seeds, each.axes["strength"]) for each in l2] == [
        ((seed,), part) for seed in range(3) for part in ((0, 1e-5), (1e-3,))
    ]


def test_what_is_left_out_is_as_in_the_chapter(file, digits):
    ((slug, settings),) = sweeps.read(file("[techniques.variational_weights]"), digits)
    assert slug == "variational_weights" and settings.loss == "cross_entropy"
    assert settings.learning_rate == 1e-3 and settings.technique.prior == 1
    assert settings.axes == {"seed": (0, 1, 2, 3, 4)} and settings.train_size == 1257
    assert settings.every == settings.steps == 3_000
    ((_, reviewed),) = sweeps.read(file("[techniques.early_stopping]"), digits)
    assert reviewed.every == 300


def test_a_model_is_the_one_that_is_trained_alone(table, digits):
    for technique, name, value in ((L2(1e-3), "strength", 1e-3), (Dropout(0.5), "rate", 0.5)):
        settings = dict(steps=30, learning_rate=1e-2, every=30, train_size=100)
        alone = train(Settings(technique, seeds=[2], **settings), digits)
        chosen = (table[name] == value) & (table["train_size"] == 100) & (table["seed"] == 2)
        (row,) = table[chosen].to_dict("records")
        assert row["weight_max"] == pytest.approx(alone.weight_max.item(), rel=1e-4)
        assert row["test_accuracy"] == pytest.approx(alone.test_accuracy.item(), abs=0.01)
        assert row["train_accuracy"] == pytest.approx(alone.train_accuracy.item(), abs=0.02)


def test_a_chapter_sees_the_same_grid_from_a_table_as_from_its_own_run(tables, digits, sweep):
    settings = dict(steps=30, every=30, learning_rate=1e-2, train_size=(100, 1257))
    own = swept.measured(train(Settings(L2([0.0, 1e-3]), seeds=3, **settings), digits))
    swept.write(tables, sweep)
    grid = swept.load("swept", "l2", digits)
    assert grid.sizes == {"strength": 2, "train_size": 2, "label_noise": 1, "seed": 3}
    xr.testing.assert_allclose(grid.isel(label_noise=0, drop=True), own, atol=0.01)


def test_a_hyperparameter_called_as_a_setting_is_another(file, digits, sweep):
    """The steps over which weights are averaged, and those of the training."""
    text = "steps = 20\nseeds = 2\ntechniques.weight_averaging.steps = [3, 7]"
    ((slug, settings),) = sweeps.read(file(text), digits)
    assert settings.steps == 20 and settings.axes["steps"] == (3, 7)
    table = swept.rows(slug, train(settings, digits))
    found = [*zip(table["training_steps"], table["steps"], table["seed"], strict=True)]
    assert found == [(20, 3, 0), (20, 3, 1), (20, 7, 0), (20, 7, 1)]
    swept.write([table], sweep)
    assert swept.load("swept", slug, digits).steps.values.tolist() == [3, 7]


def test_more_seeds_leave_the_blocks_of_the_first_as_they_are(file, digits):
    few, more = (
        sweeps.read(file(SMALL.replace("seeds = 3", s)), digits)
        for s in ("seeds = 4", "seeds = 10")
    )
    assert len(set(few) & set(more)) == len(few) == 8


@pytest.mark.parametrize("end", ["", ",1", "\n1,2"])
def test_a_table_that_was_cut_is_refused(tables, digits, sweep, end):
    swept.write(tables, sweep)
    text = sweep.read_text(encoding="utf-8").rstrip()
    sweep.write_text(text[:-30] + end if end != ",1" else text + end, encoding="utf-8")
    with pytest.raises(ValueError, match="is not a sweep's table.*Delete it"):
        swept.load("swept", "l2", digits)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", b'technique\n"l2'])
def test_what_is_no_table_is_refused(content, digits, sweep):
    sweep.parent.mkdir(parents=True)
    sweep.write_bytes(content)
    with pytest.raises(ValueError, match="is not a sweep's table.*Delete it"):
        swept.load("swept", "l2", digits)


def test_a_table_of_other_sources_digits_or_backend_is_left_out(tables, digits, sweep, capsys):
    assert swept.load("swept", "l2", digits) is None
    swept.write(tables, sweep)
    assert swept.load("swept", "l1", digits) is None
    assert capsys.readouterr() == ("", "")
    assert swept.load("swept", "l2", digits) is not None
    assert capsys.readouterr().out == "From a sweep of 12 models, of 30 steps each.\n"
    for other in ({"source_hash": "0"}, {"dataset": "mnist"}, {"backend": "numpy"}):
        swept.write([table.assign(**other) for table in tables], sweep)
        assert swept.load("swept", "l2", digits) is None
        out, err = capsys.readouterr()
        assert not out and "l2 in swept.csv is of other digits" in err


def test_a_technique_whose_code_is_as_it_was_keeps_its_rows(tables, digits, sweep, monkeypatch):
    """What another technique became does not matter."""
    swept.write(tables, sweep)
    before = provenance.of_training

    def after(technique):
        return "another" if isinstance(technique, Dropout) else before(technique)

    monkeypatch.setattr(provenance, "of_training", after)
    assert swept.load("swept", "l2", digits) is not None
    assert swept.load("swept", "dropout", digits) is None


def test_a_grid_with_a_hole_is_refused(tables, digits, sweep):
    swept.write([*tables[:2], tables[2][1:], *tables[3:]], sweep)
    with pytest.raises(ValueError, match="no grid of l2, but 11 rows"):
        swept.load("swept", "l2", digits)


def test_measures_are_along_the_axes_of_the_run(digits):
    run = train(Settings(L2([0.0, 1e-3]), steps=20, seeds=3, learning_rate=1e-2), digits)
    found = swept.measured(run)
    assert [*found] == [*swept.MEASURES] and found.sizes == {"strength": 2, "seed": 3}
    weights = run.weights.sel(strength=1e-3, seed=2)
    one = found.sel(strength=1e-3, seed=2)
    assert one.smoothness == swept.measures.smoothness(weights)
    assert one.weight_max == weights.max() and one.weight_min == weights.min()
    np.testing.assert_array_equal(found.validation_accuracy, run.validation_accuracy)


@pytest.mark.parametrize("path", sorted((ROOT / "sweeps").glob("*.toml")), ids=lambda p: p.stem)
def test_the_books_own_sweeps_can_be_read(path, mnist):
    blocks = sweeps.read(path, mnist)
    models = sum(math.prod(settings.shape) for _, settings in blocks)
    assert f"{models:,} models." in path.read_text(encoding="utf-8")


def test_a_million_seeds_are_counted_not_made(file, digits):
    """In no time, and without the memory."""
    with pytest.raises(ValueError, match="it has 900,000,000,000,000 models"):
        sweeps.read(file("seeds = 900_000_000_000_000\n[techniques.no_regularization]"), digits)
    text = "seeds = 1_000_000\nmodels_per_job = 1_000_000\n[techniques.no_regularization]"
    assert len(sweeps.read(file(text), digits)) == 1


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("steps", "stpes", ["unknown key 'stpes'", "steps"]),
        ("steps = 30", "steps = 0", ["steps=0", "whole number from 1"]),
        ("steps = 30", "steps = 'many'", ["steps='many'"]),
        ("seeds = 3", "seeds = 0", ["seeds=0", "how many"]),
        ("seeds = 3", "seeds = -3", ["seeds=-3", "how many"]),
        ("seeds = 3", "seeds = true", ["seeds=True", "how many"]),
        ("seeds = 3", "seeds = []", ["seeds=[]", "how many"]),
        ("seeds = 3", "seeds = [1, 2, 1]", ["seeds=[1, 2, 1]", "different seeds"]),
        ("seeds = 3", "seeds = [0.5]", ["seeds=[0.5]", "different seeds"]),
        ("seeds = 3", "seeds = 900000", ["7,200,000 models", "1,000,000 at most"]),
        ("strength = [0, 1e-3]", "strength = []", ["l2: strength is []", "a number"]),
        (
            "strength = [0, 1e-3]",
            "strength = [1e-3, 0.001]",
            ["strength=[0.001, 0.001]", "each value once"],
        ),
        ("strength = [0, 1e-3]", "strength = [-1]", ["L2(strength=[-1])", "at least 0"]),
        ("strength = [0, 1e-3]", "strength = 'strong'", ["l2: strength is 'strong'", "number"]),
        ("strength = [0, 1e-3]", "rate = [1]", ["l2 has no hyperparameter 'rate'", "strength"]),
        ("techniques.l2", "techniques.l3", ["no technique 'l3'", "l2"]),
        ("techniques.l2", "techniques.l2_path", ["no technique 'l2_path'", "l2"]),
        ("[techniques.l2]", "[techniques.l2.more]", ["l2 has no hyperparameter 'more'"]),
        (SMALL, "techniques.l2 = 3", ["l2 is 3", "values of strength"]),
        (SMALL, "techniques.no_regularization.rate = 3", ["'rate'", "it has no hyperparameter"]),
        ('[100, "all"]', "[100, 10000000]", ["train_size=(100, 10000000)", "1,257"]),
        ('[100, "all"]', '[100, "some"]', ["train_size is [100, 'some']", 'or "all"']),
        ('[100, "all"]', '["all", 1257]', ["train_size=[1257, 1257]", "whole number"]),
        ('[100, "all"]', "[]", ["train_size=[]", "whole number"]),
        ('[100, "all"]', "{a = 1}", ["train_size={'a': 1}", "whole number"]),
        ("learning_rate = 1e-2", "learning_rate = 0", ["learning_rate=0", "above 0"]),
        ("learning_rate = 1e-2", "learning_rate = nan", ["learning_rate=nan", "a number"]),
        ("steps = 30", "steps = 30\nlabel_noise = 2", ["label_noise=2", "share"]),
        ("steps = 30", "steps = 30\nlabel_noise = [0.1, 0.1]", ["label_noise=[0.1, 0.1]", "share"]),
        ("steps = 30", "steps = 30\nloss = 'hinge'", ["loss='hinge'", "cross_entropy"]),
        ("steps = 30", "steps = 30\nloss = ''", ["loss=''", "cross_entropy"]),
        ("steps = 30", "steps = 30\nbatch_size = 200", ["batch_size=200"]),
        ("steps = 30", "steps = 30\nsteps = 40", ["cannot be read", "line 4"]),
        ("steps = 30", "steps = 30\nlearning_rate.of = 40", ["cannot be read", "line 5"]),
        ("rate = 0.5", "rate = 0.5\n[techniques.l2]", ["cannot be read", "twice"]),
        ("models_per_job = 5", "models_per_job = 0", ["models_per_job is 0", "from 1"]),
        ("seeds = 3", "seeds = [[0], 1]", ["seeds=[[0], 1]", "different seeds"]),
        (SMALL, "techniques = [", ["cannot be read"]),
        (SMALL, "", ["techniques is None", "[techniques.l2]"]),
        (SMALL, "a = " + "[" * 50_000, ["cannot be read"]),
        (SMALL, "steps = 2001-99-99", ["cannot be read"]),
        ("strength = [0, 1e-3]", "strength = 2001-09-09", ["strength is datetime", "number"]),
        ('[100, "all"]', '[[100], "all"]', ["train_size=[[100], 1257]", "number"]),
        ("strength = [0, 1e-3]", "strength = [[0]]", ["strength is [[0]]", "number"]),
        ("strength = [0, 1e-3]", "strength = [1e39]", ["strength is [1e+39]", "number"]),
        ("strength = [0, 1e-3]", "strength = [true]", ["strength is [True]", "number"]),
        ("strength = [0, 1e-3]", LONG.format("strength"), ["strength=[1, 1, 1", "each value once"]),
        ("strength = [0, 1e-3]", "strength = [-1, true]", ["strength is [-1, True]", "number"]),
        ("steps = 30", "steps = 1000000000000", ["steps=1000000000000", "a whole number"]),
        ("seeds = 3", "seeds = [-1]", ["seeds=[-1]", "from 0 to 2^31 - 1"]),
        ("seeds = 3", LONG.format("seeds"), ["seeds=[1, 1", "different seeds"]),
        ('[100, "all"]', LONG.format("")[3:], ["train_size=[1, 1", "whole number"]),
        (
            "rate = 0.5",
            LONG.format("rate").replace("1,", "7.5,"),
            ["rate=[7.5, 7.5", "less than 1"],
        ),
        ("seeds = 3", "seeds = 9000", ["more than 10,000 jobs", "models_per_job"]),
        (SMALL, "seeds = 3", ["techniques is None", "[techniques.l2]"]),
        (SMALL, "techniques = {}", ["techniques is {}"]),
        (SMALL, "techniques = ['l2']", ["techniques is ['l2']"]),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_what_was_expected(
    old, new, words, file, digits
):
    path = file(SMALL.replace(old, new))
    with pytest.raises(ValueError) as caught:
        sweeps.read(path, digits)
    message = str(caught.value)
    assert message.startswith(str(path)) and ("xpected" in message or "should be" in message)
    assert "\n" not in message and len(message) < 550 and all(word in message for word in words)


def test_a_file_that_is_not_there_is_refused(tmp_path, digits):
    with pytest.raises(ValueError, match=r"missing.toml cannot be read.*Expected a sweep's file"):
        sweeps.read(tmp_path / "missing.toml", digits)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"binary.toml cannot be read"):
        sweeps.read(tmp_path / "binary.toml", digits)
