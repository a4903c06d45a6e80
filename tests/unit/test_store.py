"""The store: what was trained is found, what was not is trained, nothing is taken for another."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
from conftest import until

from regularization.core import backend, techniques
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.techniques import L2, Dropout, EarlyStopping
from regularization.results import provenance, run, store
from regularization.results.run import Run

SETTINGS = Settings(L2([0.01, 0.1]), steps=4, seeds=2, learning_rate=1e-2)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A store of its own, and a log of what was trained and what was found."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("RUNS_LOG", str(tmp_path / "log.jsonl"))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    return tmp_path / "runs"


def log(folder):
    """What a build is told, a dict for each run that was asked for."""
    path = folder.parent / "log.jsonl"
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if path.is_file()
        else []
    )


def trained(folder):
    return [each["trained"] for each in log(folder)]


def files(folder):
    """The runs that are kept, and what is left half."""
    return sorted(path.name for path in folder.glob("*") if path.is_file())


def drawn(settings, digits, tell=None):
    """What `fit` would return, but nobody trained it: in a moment, and another each time."""
    rng, shape = np.random.default_rng(), settings.shape
    weights = rng.standard_normal((*shape, 10, 8, 8), "float32")
    names = ("train_accuracy", "validation_accuracy", "test_accuracy", "test_accuracy_as_published")
    curve = {f"curve.{name}": rng.random((1, *shape)) for name in ("train_loss", "test_accuracy")}
    curve["curve.step"] = np.array([settings.steps])
    found = {name: rng.random(shape) for name in names}
    return found | curve | {"weights": weights, "parameters.kernel": weights}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(store, "fit", drawn)


def same(one, other):
    """Whether two runs are one to the bit."""
    return (
        one.settings == other.settings
        and one.arrays.keys() == other.arrays.keys()
        and all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)
    )


def test_what_was_trained_is_found_and_a_build_is_told(digits, folder, capfd):
    first = store.train(SETTINGS, digits)
    out, err = capfd.readouterr()
    assert not out and err.count("Training 4 models of L2(strength=[0.01, 0.1]), 4 steps.\n") == 1
    again = store.train(SETTINGS, digits)
    assert capfd.readouterr() == ("", "") and same(first, again)
    for name, values in fit(SETTINGS, digits).items():
        np.testing.assert_array_equal(again.arrays[name], values)
    assert again.settings == SETTINGS.on(digits) and again.made == first.made
    assert again.made["data"] == digits.hash and again.made["backend"] == backend.name
    (name,) = files(folder)
    told = log(folder)
    assert [each["trained"] for each in told] == [True, False]
    assert {each["key"] for each in told} == {name.removesuffix(".safetensors")}
    assert {each["what"] for each in told} == {str(SETTINGS)} and told[0]["seconds"] > 0
    assert sorted(path.name for path in folder.parent.iterdir()) == ["log.jsonl", "runs"]


def test_without_a_log_none_is_written(digits, folder, monkeypatch, quick):
    monkeypatch.delenv("RUNS_LOG")
    store.train(SETTINGS, digits)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["runs"]


def test_all_is_said_by_the_settings_and_not_by_how_they_were_given(digits, folder, quick):
    one = store.train(Settings(L2([0.1, 1]), steps=5, seeds=2), digits)
    for other in [
        Settings(L2(np.array([0.1, 1])), steps=np.int64(5), seeds=[0, 1]),
        Settings(L2([0.1, 1]), steps=5, seeds=(0, 1), train_size=len(digits.train_images)),
        Settings(L2([0.1, 1]), steps=5, seeds=2, dataset="digits"),
    ]:
        assert same(store.train(other, digits), one)
    assert trained(folder) == [True, False, False, False]


def test_a_run_at_one_strength_is_not_taken_for_that_at_another(digits, folder):
    """The fault that a name invites: L2 was trained by hand, and then the book's was asked for."""
    strong = store.train(Settings(L2(strength=1.0), steps=50, learning_rate=1e-2), digits)
    book = store.train(Settings(L2(strength=0.01), steps=50, learning_rate=1e-2), digits)
    assert trained(folder) == [True, True]
    assert book.settings.technique == L2(strength=0.01)
    assert np.linalg.norm(strong.weights) < 0.7 * np.linalg.norm(book.weights)
    again = store.train(Settings(L2(strength=0.01), steps=50, learning_rate=1e-2), digits)
    assert same(again, book) and again.settings.technique == L2(strength=0.01)


@pytest.mark.parametrize(
    "change",
    [
        dict(technique=L2([0.01, 0.2])),
        dict(technique=L2([0.1, 0.01])),
        dict(technique=Dropout([0.01, 0.1])),
        dict(technique=techniques.L1([0.01, 0.1])),
        dict(steps=5),
        dict(seeds=[1, 0]),
        dict(seeds=3),
        dict(learning_rate=1e-3),
        dict(learning_rate=[1e-2]),
        dict(batch_size=16),
        dict(loss="cross_entropy"),
        dict(train_size=100),
        dict(label_noise=0.1),
        dict(hidden=(16,)),
        dict(every=2),
        dict(frames=2),
    ],
    ids=str,
)
def test_each_setting_is_part_of_the_key(digits, change):
    assert store.place(replace(SETTINGS, **change), digits) != store.place(SETTINGS, digits)


def test_digits_of_one_name_with_fewer_or_other_images_have_another_key(digits, folder, quick):
    others = [digits]
    for part in ("train", "validation", "test"):
        images, labels = f"{part}_images", f"{part}_labels"
        fewer = {name: getattr(digits, name)[:-1] for name in (images, labels)}
        turned = {images: getattr(digits, images)[::-1]}
        relabelled = {labels: getattr(digits, labels)[::-1]}
        others += [replace(digits, **change) for change in (fewer, turned, relabelled)]
    # Of the settings only the size says that there are fewer, and of the training images alone.
    settings = replace(SETTINGS, train_size=1_000)
    keys = [store.place(settings, each) for each in others]
    assert len(set(keys)) == len(others) == 10
    equal = replace(digits, train_images=digits.train_images.copy())
    assert store.place(settings, equal) == keys[0]
    store.train(settings, digits), store.train(settings, others[-1])
    assert trained(folder) == [True, True]


def test_the_backend_and_what_computes_are_part_of_the_key(digits, monkeypatch):
    (known,) = {store.place(SETTINGS, digits)}
    versions = provenance.versions()
    for name in (backend.name, "keras"):
        with monkeypatch.context() as patch:
            patch.setattr(provenance, "versions", lambda name=name: versions | {name: "0.1"})
            assert store.place(SETTINGS, digits) != known
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "versions", lambda: versions | {"torch": "0.1", "python": "2"})
        assert store.place(SETTINGS, digits) == known  # they compute nothing of it
    (other,) = {*backend.NAMES} - {backend.name}
    with monkeypatch.context() as patch:
        patch.setattr(backend, "name", other)
        assert store.place(SETTINGS, digits) != known
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "of_training", lambda technique: "other sources")
        assert store.place(SETTINGS, digits) != known
    assert store.place(SETTINGS, digits) == known


def with_other_arrays(path):
    """A whole file of another run, under the same words."""
    arrays, said = run.read_arrays(path)
    run.write_arrays(path, {name: values[:1] for name, values in arrays.items()}, said)


def with_other_words(change):
    def spoil(path):
        arrays, said = run.read_arrays(path)
        change(said)
        run.write_arrays(path, arrays, said)

    return spoil


def flipped(place):
    def spoil(path):
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)

    return spoil


def of_other_settings(path):
    """Another run's file, whole, under this name."""
    it, about = run.read(path)
    settings = replace(it.settings, technique=L2([0.02, 0.1]))
    run.write(Run(settings, it.arrays, it.made), about | {"settings": settings.to_json()}, path)


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "a few bytes": lambda path: path.write_bytes(b"\x08\0\0\0\0\0\0\0{}"),
    "a bit of its head": flipped(3),
    "a bit of its words": flipped(40),
    "a bit of its arrays": flipped(-1),
    "another bit": flipped(-3_000),
    "another format": lambda path: path.write_bytes(b"PK\x03\x04"),
    "other arrays": with_other_arrays,
    "no arrays": lambda path: run.write_arrays(path, {}, run.read_arrays(path)[1]),
    "no words": with_other_words(lambda said: said.clear()),
    "other words": with_other_words(lambda said: said["about"].update(data="another")),
    "words of something else": with_other_words(lambda said: said.update(about=[])),
    "other settings in it": with_other_words(
        lambda said: said["about"]["settings"].update(steps=5)
    ),
    "a technique that is gone": with_other_words(
        lambda said: said["about"]["settings"]["technique"].update(name="L3")
    ),
    "a file of other settings": of_other_settings,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_trained_again_and_whole_afterwards(
    digits, folder, quick, capfd, damage
):
    first = store.train(SETTINGS, digits)
    path = store.place(SETTINGS, digits)
    before = path.read_bytes()
    DAMAGE[damage](path)
    assert path.read_bytes() != before
    capfd.readouterr()
    again = store.train(SETTINGS, digits)
    out, err = capfd.readouterr()
    # A bar writes over itself.
    damaged, training = (s for s in err.splitlines() if s.strip() and "step/s" not in s)
    assert not out and damaged.startswith(str(path)) and damaged.endswith("It is made again.")
    assert len(damaged) < 1_000 and training.startswith("Training 4 models")
    assert trained(folder) == [True, True] and not same(first, again)
    assert same(store.train(SETTINGS, digits), again) and trained(folder)[2] is False
    assert files(folder) == [path.name] and capfd.readouterr() == ("", "")


def test_what_one_that_was_killed_has_left_half_is_cleared_away(digits, folder, quick):
    path = store.place(SETTINGS, digits)
    folder.mkdir()
    half, others = folder / f".{path.name}.123", folder / ".another.safetensors.123"
    half.write_bytes(b"half"), others.write_bytes(b"half")
    store.train(SETTINGS, digits)
    assert files(folder) == [others.name, path.name]


ASKED = """
import sys, time
from pathlib import Path
from regularization.core import data
from regularization.core.settings import Settings
from regularization.core.techniques import L2
from regularization.results import store

mine, others, held = map(Path, sys.argv[1:])
digits, fit = data.load("digits"), store.fit

def slow(*arguments, **named):
    held.touch()
    time.sleep(4)
    return fit(*arguments, **named)

store.fit = slow
mine.touch()
while not others.exists():
    time.sleep(0.01)
run = store.train(Settings(L2(0.1), steps=4, seeds=2), digits)
print(run.weights.values.tobytes().hex())
"""


def start(*paths):
    """Ask for one run in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", ASKED, *map(str, paths)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_of_two_processes_that_want_a_run_one_trains_and_the_other_waits(folder):
    a, b, held = (folder.parent / name for name in ("a", "b", "held"))
    both = [start(a, b, held), start(b, a, held)]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    (one, said_by_one), (other, said_by_other) = said
    assert one == other != ""
    assert sorted(trained(folder)) == [False, True] and len(files(folder)) == 1
    waited = ["Another process is at 2 models of L2(strength=0.1)" in each for _, each in said]
    training = ["Training 2 models of L2(strength=0.1)" in each for _, each in said]
    assert sorted(waited) == [False, True] and training == [not each for each in waited]


def test_what_a_killed_process_was_at_is_trained_by_the_next(digits, folder):
    a, held = folder.parent / "a", folder.parent / "held"
    process = start(a, a, held)
    try:
        until(held.exists, 120, "the training to begin")
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    begun = time.monotonic()
    store.train(Settings(L2(0.1), steps=4, seeds=2), digits)
    assert trained(folder) == [True] and len(files(folder)) == 1
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("where", [".", "deeper"])
def test_a_store_that_cannot_be_written_is_refused_before_anything_is_trained(
    digits, folder, monkeypatch, where
):
    folder.write_text("A file in its place.", encoding="utf-8")
    monkeypatch.setenv("RUNS_DIR", str(folder / where))
    monkeypatch.setattr(store, "fit", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises(
        store.StoreError, match="A run cannot be kept in .*runs.*RUNS_DIR"
    ) as caught:
        store.train(SETTINGS, digits)
    message = str(caught.value)
    assert "Expected a folder" in message and "\n" not in message
    assert folder.read_text(encoding="utf-8") == "A file in its place." and not log(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["runs"]


def test_a_full_disk_is_told_and_leaves_nothing_half(digits, folder, monkeypatch, quick):
    def full(path, content):
        with open(path, "wb") as file:
            file.write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(store.StoreError, match="cannot be kept in .*: No space left.*Make room"):
        store.train(SETTINGS, digits)
    assert files(folder) == []
    monkeypatch.undo()
    monkeypatch.setenv("RUNS_DIR", str(folder))
    store.train(SETTINGS, digits)
    assert len(files(folder)) == 1


def test_what_training_raises_is_raised_and_nothing_is_kept(digits, folder):
    with pytest.raises(FloatingPointError, match="Lower the strength"):
        store.train(Settings(L2(1e38), steps=4, learning_rate=1.0), digits)
    with pytest.raises(ValueError, match="train_size"):
        store.train(Settings(train_size=10**6), digits)
    assert files(folder) == [] and log(folder) == []


def of_a_notebook(code):
    """A technique whose class a notebook defines."""
    here = vars(techniques) | {"__name__": "__main__", "dataclass": dataclass}
    exec(f"@dataclass(frozen=True)\nclass Mine{code}", here)
    return here["Mine"]


def test_a_technique_whose_hooks_a_notebook_has_is_trained_each_time_and_not_kept(
    digits, folder, quick
):
    """Its cell may be changed, and run again: nothing in the class would tell."""
    mine = of_a_notebook("(L2):\n    def penalty(self, parameters):\n        return 0.0")
    settings = replace(SETTINGS, technique=mine([0.01, 0.1]))
    one, other = (store.train(settings, digits) for _ in range(2))
    assert not same(one, other) and one.settings.technique is settings.technique
    assert trained(folder) == [True, True] and {each["key"] for each in log(folder)} == {None}
    assert store.place(settings, digits) is None and not folder.exists()


def test_a_technique_that_a_notebook_only_puts_together_is_kept(digits, folder):
    mine = of_a_notebook("(L2, Dropout):\n    'Both.'")
    settings = Settings(mine(strength=0.1, rate=0.3), steps=4, learning_rate=1e-2)
    one, other = (store.train(settings, digits) for _ in range(2))
    assert same(one, other) and type(other.settings.technique) is mine
    assert trained(folder) == [True, False]
    turned = of_a_notebook("(Dropout, L2):\n    'Both.'")
    store.train(replace(settings, technique=turned(strength=0.1, rate=0.3)), digits)
    assert trained(folder) == [True, False, True]
    assert store.train(settings, digits).settings.technique == mine(strength=0.1, rate=0.3)


def test_the_store_of_a_reader_is_that_of_the_book_around(folder, monkeypatch):
    monkeypatch.delenv("RUNS_DIR")
    book = folder.parent / "book"
    (book / "techniques").mkdir(parents=True)
    monkeypatch.chdir(book / "techniques")
    assert store.folder() == book / "techniques" / "_build" / "runs"
    (folder.parent / "_toc.yml").touch()
    assert store.folder() == folder.parent / "_build" / "runs"
    monkeypatch.setenv("RUNS_DIR", "elsewhere")
    assert str(store.folder()) == "elsewhere"


def test_a_reviewed_run_with_frames_comes_back_whole(digits):
    settings = Settings(
        EarlyStopping([1, 2]), steps=8, every=2, frames=4, seeds=2, learning_rate=1e-2
    )
    one, other = (store.train(settings, digits) for _ in range(2))
    assert same(one, other) and "frames.weights" in other.arrays
    assert "curve.validation_accuracy" in other.arrays


def test_what_is_computed_is_kept_by_all_that_it_depends_on(folder, capfd):
    made = []

    def make():
        made.append(1)
        return {"a": np.arange(3.0) + len(made)}

    module = provenance.PACKAGE / "analysis" / "exact.py"
    asked = dict(what="optima", known={"strengths": [0.1]}, module=module, make=make)
    one, other = (store.computed(**asked) for _ in range(2))
    assert one["a"].tolist() == other["a"].tolist() == [1, 2, 3]
    for change in (
        dict(known={"strengths": [0.2]}),
        dict(what="losses"),
        dict(module=provenance.PACKAGE / "analysis" / "measures.py"),
    ):
        store.computed(**asked | change)
    assert len(made) == 4 == len(files(folder)) and log(folder) == []
    for name in files(folder):
        (folder / name).write_bytes(b"")
    assert store.computed(**asked)["a"][0] == 5
    assert "is not a saved run" in capfd.readouterr().err
