"""Sweeps: what a file says becomes blocks, blocks become rows, rows become the chapters' grids."""

import numpy as np
import pytest
from conftest import ROOT

from regularization.core.fit import fit
from regularization.core.techniques import L2, Dropout
from regularization.results import run as runs
from regularization.study import sweeps
from regularization.study.registry import fit_grid

SMALL = """
seeds: 3
steps: 30
learning_rate: 1e-2
train_size: [100, all]
models_per_job: 5
techniques:
  no_regularization:
  l2: {strength: [0, 1e-3]}
  dropout: {rate: 0.5}
"""


@pytest.fixture
def file(tmp_path):
    def written(text):
        (tmp_path / "small.yaml").write_text(text)
        return tmp_path / "small.yaml"

    return written


@pytest.fixture(scope="module")
def table(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("sweep") / "small.yaml"
    path.write_text(SMALL)
    blocks = sweeps.read(path, digits)
    return [
        row for block in blocks for row in sweeps.rows(block, sweeps.train(block, digits), digits)
    ]


def test_a_grid_is_every_setting_with_every_size_and_seed_once(table):
    """1 + 2 + 1 settings, two sizes, three seeds."""
    names = ("technique", "strength", "rate", "train_size", "seed")
    models = [tuple(row.get(name) for name in names) for row in table]
    settings = [("no_regularization", None, None), ("dropout", None, 0.5)]
    settings += [("l2", strength, None) for strength in (0, 1e-3)]
    expected = {(*s, size, seed) for s in settings for size in (100, 1257) for seed in range(3)}
    assert set(models) == expected and len(models) == len(expected) == 24


def test_blocks_are_as_large_as_the_file_says_and_of_one_technique(file, digits):
    blocks = sweeps.read(file(SMALL), digits)
    assert [(b["technique"], len(b["seed"])) for b in blocks] == [
        ("no_regularization", 5), ("no_regularization", 1),
        ("l2", 5), ("l2", 5), ("l2", 2),
        ("dropout", 5), ("dropout", 1),
    ]  # fmt: skip


def test_a_model_is_the_one_that_is_trained_alone(table, digits):
    for technique, chosen in ((L2(1e-3), ("strength", 1e-3)), (Dropout(0.5), ("rate", 0.5))):
        alone = fit(
            technique, digits, steps=30, seeds=[2], learning_rate=1e-2, train_size=100, every=30
        )
        (row,) = (
            row
            for row in table
            if row.get(chosen[0]) == chosen[1] and (row["train_size"], row["seed"]) == (100, 2)
        )
        assert row["weight_max"] == pytest.approx(alone.weight_max[0], rel=1e-4)
        assert row["test_accuracy"] == pytest.approx(alone.test_accuracy[0], abs=0.01)
        assert row["train_accuracy"] == pytest.approx(alone.train_accuracy[0], abs=0.02)


def test_a_table_is_read_as_it_was_written(table, tmp_path):
    sweeps.write(table, tmp_path / "table.csv")
    assert sweeps.read_table(tmp_path / "table.csv") == table


def test_a_chapter_sees_the_same_grid_from_a_table_as_from_its_own_run(table, digits):
    sizes, strengths = (100, 1257), (0.0, 1e-3)
    settings = dict(steps=30, every=30, learning_rate=1e-2, train_size=sizes)
    run = fit_grid(L2, strengths, digits, range(3), **settings)
    own = sweeps.grid_of(run, digits, strengths, sizes, [0.0], range(3))
    swept = sweeps.grid(table, "l2")
    assert swept[:4] == own[:4]
    for name, values in own.measures.items():
        np.testing.assert_allclose(swept.measures[name], values, atol=0.01)


def test_a_hyperparameter_called_as_a_setting_is_another(file, digits):
    """The steps over which weights are averaged, and those of the training."""
    text = "steps: 20\nseeds: 2\ntechniques: {weight_averaging: {steps: [3, 7]}}"
    (block,) = sweeps.read(file(text), digits)
    run = sweeps.train(block, digits)
    assert run.steps == 20 and run.technique["steps"] == [3, 7, 3, 7]
    table = sweeps.rows(block, run, digits)
    assert [(row["training_steps"], row["steps"]) for row in table] == [(20, 3), (20, 7)] * 2
    assert sweeps.grid(table, "weight_averaging").values == [3, 7]


def test_more_seeds_leave_the_blocks_of_the_first_as_they_are(file, digits):
    few, more = (
        [sweeps.name_of(b) for b in sweeps.read(file(SMALL.replace("seeds: 3", s)), digits)]
        for s in ("seeds: 5", "seeds: 10")
    )
    assert len(set(few) & set(more)) == len(few) == 8


@pytest.mark.parametrize("end", ["", ",1", "\n1,2"])
def test_a_table_that_was_cut_is_refused(table, tmp_path, end):
    path = tmp_path / "table.csv"
    sweeps.write(table, path)
    text = path.read_text().rstrip()
    path.write_text(text[:-30] + end if end != ",1" else text + end)
    with pytest.raises(ValueError, match="is not a sweep's table.*Delete it"):
        sweeps.read_table(path)


def test_a_table_of_other_sources_digits_or_backend_is_left_out(
    table, digits, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    known = {"source_hash": runs.source_hash()}
    assert sweeps.load("swept", digits) == []
    sweeps.write([row | known for row in table], tmp_path / "swept.csv")
    assert len(sweeps.load("swept", digits)) == len(table)
    assert "From a sweep of 24 models, of 30 steps each." in capsys.readouterr().out
    for other in ({"source_hash": "0"}, {"dataset": "mnist"}, {"backend": "numpy"}):
        sweeps.write([row | known | other for row in table], tmp_path / "swept.csv")
        assert sweeps.load("swept", digits) == []
        assert "swept.csv is of other digits" in capsys.readouterr().out


def test_a_grid_with_a_hole_is_refused(table):
    with pytest.raises(ValueError, match="no grid of l2: it has 11 rows"):
        sweeps.grid([row for row in table if row is not table[7]], "l2")
    with pytest.raises(ValueError, match="no grid of l1: it has 0 rows"):
        sweeps.grid(table, "l1")


def test_a_block_has_another_name_as_soon_as_anything_in_it_is_another(file, digits):
    texts = [SMALL, SMALL.replace("30", "31"), SMALL.replace("0.5", "0.6")]
    texts += [SMALL.replace("1e-2", "1e-1"), SMALL + "loss: cross_entropy\n"]
    names = [sweeps.name_of(sweeps.read(file(text), digits)[-1]) for text in texts]
    assert len(set(names)) == len(texts)
    last = sweeps.read(file(SMALL), digits)[-1]
    assert sweeps.name_of(last) == names[0] != sweeps.name_of(last, backend="jax")


@pytest.mark.parametrize("path", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_books_own_sweeps_can_be_read(path, mnist):
    assert sum(len(block["seed"]) for block in sweeps.read(path, mnist)) >= 100


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("steps", "stpes", ["unknown key 'stpes'", "steps"]),
        ("steps: 30", "steps: 0", ["steps is 0", "whole number from 1"]),
        ("steps: 30", "steps: many", ["steps is 'many'"]),
        ("seeds: 3", "seeds: 0", ["seeds is 0", "how many"]),
        ("seeds: 3", "seeds: []", ["seed is an empty list", "one value at least"]),
        ("seeds: 3", "seeds: [1, 2, 1]", ["seed has [1] twice", "each value once"]),
        ("seeds: 3", "seeds: [0.5]", ["seeds=", "list of seeds"]),
        ("seeds: 3", "seeds: 100000000000000", ["seeds is 100000000000000", "1,000,000"]),
        ("seeds: 3", "seeds: 900000", ["7,200,000 models", "from 1 to 1,000,000"]),
        ("strength: [0, 1e-3]", "strength: []", ["strength is an empty list"]),
        (
            "strength: [0, 1e-3]",
            "strength: [1e-3, 0.001]",
            ["strength has [0.001] twice", "each value once"],
        ),
        ("strength: [0, 1e-3]", "strength: [-1]", ["L2(strength=-1)", "should be", "at least 0"]),
        ("strength: [0, 1e-3]", "strength: strong", ["strength is ['strong']", "numbers"]),
        ("strength: [0, 1e-3]", "rate: [1]", ["l2 has no hyperparameter 'rate'", "strength"]),
        ("l2:", "l3:", ["no technique 'l3'", "l2"]),
        ("l2:", "l2_path:", ["no technique 'l2_path'", "l2"]),
        ("[100, all]", "[100, 10000000]", ["train_size=10000000", "1,257"]),
        ("[100, all]", "[100, some]", ["train_size is ['some']", "or all"]),
        ("[100, all]", "[all, 1257]", ["train_size has [1257] twice", "each value once"]),
        ("learning_rate: 1e-2", "learning_rate: 0", ["learning_rate=0", "above 0"]),
        ("steps: 30", "steps: 30\nlabel_noise: 2", ["label_noise=2", "share"]),
        ("steps: 30", "steps: 30\nloss: hinge", ["loss='hinge'", "cross_entropy"]),
        ("steps: 30", "steps: 30\nbatch_size: 200", ["batch_size=200"]),
        ("steps: 30", "steps: 30\nsteps: 40", ["'steps' stands there twice"]),
        ("techniques:", "techniques: [", ["cannot be read"]),
        (SMALL, "", ["it holds None", "techniques"]),
        (SMALL, "techniques: {l2: &a {strength: 1}, l1: *a}", ["an alias", "write the values out"]),
        (SMALL, "techniques: &a {l2: *a}", ["an alias"]),
        (SMALL, "[" * 5_000, ["cannot be read"]),
        (SMALL, "steps: 2001-99-99", ["cannot be read"]),
        ("[100, all]", "[[100], all]", ["train_size is [[100], 'all']", "a list of values"]),
        ("strength: [0, 1e-3]", "strength: [[0]]", ["strength is [[0]]", "numbers"]),
        ("strength: [0, 1e-3]", "strength: [1e39]", ["strength is [1e+39]", "numbers"]),
        ("strength: [0, 1e-3]", "strength: [true]", ["strength is [True]", "numbers"]),
        ("steps: 30", "steps: 1000000000000", ["steps is 1000000000000", "below 2^31"]),
        ("steps: 30", "steps: 30\nloss: ''", ["loss=''", "cross_entropy"]),
        ("seeds: 3", "seeds: [-1]", ["seeds=[-1", "from 0 to 2^31 - 1"]),
        ("seeds: 3", "seeds: 9000", ["14,400 jobs", "models_per_job"]),
        (SMALL, "seeds: 3", ["techniques is None", "l2: {strength: 0.1}"]),
        (SMALL, "techniques: {}", ["techniques is {}"]),
        (SMALL, "techniques: [l2]", ["techniques is ['l2']"]),
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
    assert "\n" not in message and len(message) < 500 and all(word in message for word in words)
