"""Whatever a file holds, it is read right or refused in a sentence: no crash, no hunger for memory.

The examples are the same at every run. To search longer: `HYPOTHESIS_EXAMPLES=100000 pytest ...`.
"""

import gzip
import io
import json
import math
import os
import struct
import tempfile
import tracemalloc
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regularization.core import data
from regularization.results import run as runs

MORE = int(os.environ.get("HYPOTHESIS_EXAMPLES", 0))
#: Bytes of memory that a file may take before it is refused: MNIST's largest twice, and a run.
IMAGES, SMALL = 128 * 2**20, 16 * 2**20


def examples(count):
    return settings(
        max_examples=MORE or count,
        derandomize=not MORE,
        database=None,
        deadline=10_000,  # milliseconds: a guard against what never ends
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def refused(kind, remedy, memory):
    """What happens within may end well, or in an error of one paragraph; in little memory."""
    tracemalloc.start()
    try:
        yield
    except kind as error:
        message = str(error)
        assert type(error) in (kind, FileNotFoundError) and remedy in message
        assert "\n" not in message and len(message.encode()) < 2_000
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < memory


# MNIST's files


def idx(shape, content, magic=0x0800):
    return struct.pack(f">I{len(shape)}I", magic + len(shape), *shape) + content


lengths = st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1))
idx_files = st.one_of(
    st.binary(max_size=40),
    st.builds(idx, st.lists(lengths, max_size=5), st.binary(max_size=60)),
    st.builds(idx, st.lists(st.integers(0, 3), min_size=3, max_size=3), st.binary(max_size=27)),
    st.lists(st.integers(0, 4), min_size=1, max_size=4).map(
        lambda shape: idx(shape, bytes(math.prod(shape)))
    ),
)


def by_hand(content):
    """An IDX file of bytes as its definition has it, a byte at a time; None if it is not one."""
    if content[:3] != b"\0\0\x08" or content[3:4] not in (b"\1", b"\3"):
        return None
    count = content[3]
    header, values = content[4 : 4 + 4 * count], content[4 + 4 * count :]
    shape = [int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4)]
    return (shape, list(values)) if math.prod(shape) == len(values) else None


@examples(400)
@given(idx_files)
def test_an_idx_file_is_read_as_defined_or_refused(content):
    expected = by_hand(content)
    tracemalloc.start()
    try:
        array = data.parse_idx(content)
        assert expected == (list(array.shape), array.ravel().tolist())
        assert array.dtype == np.uint8
    except ValueError as error:
        # Of an array without elements NumPy may say that it is too big all the same.
        assert expected is None or (not expected[1] and "too big" in str(error))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def mangled(content):
    """Strategy: `content` with bytes flipped, cut, or a part of it put elsewhere."""
    place = st.integers(0, len(content))
    flipped = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(1, 255)), min_size=1)
    return st.one_of(
        place.map(lambda end: content[:end]),
        st.builds(lambda a, b, c: content[:a] + content[b:c], place, place, place),
        st.builds(lambda a, b: content[:a] + b + content[a:], place, st.binary(min_size=1)),
        flipped.map(lambda flips: flip(content, flips)),
    )


def flip(content, flips):
    content = bytearray(content)
    for place, by in flips:
        content[place] ^= by
    return bytes(content)


LABELS = idx([30], bytes(range(30)))


@examples(150)
@given(content=st.one_of(idx_files, mangled(LABELS), mangled(gzip.compress(LABELS, mtime=0))))
@pytest.mark.parametrize("ending", ["", ".gz", ".gz, packed"])
def test_a_file_of_the_folder_is_mnists_or_refused(content, ending):
    """No content but MNIST's own has its sha256: what is not refused is what was published."""
    name = "t10k-labels-idx1-ubyte"
    with tempfile.TemporaryDirectory() as folder:
        packed = gzip.compress(content) if "packed" in ending else content
        Path(folder, name + ending.partition(",")[0]).write_bytes(packed)
        with refused(data.DataError, "Put a fresh copy there", IMAGES):
            data._read_file(Path(folder), name)
            raise AssertionError("not refused")


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("shape", [(2 * 10**8,), (60_000, 28, 28), (2**32 - 1,) * 3, (0, 28, 28)])
def test_a_file_that_unpacks_to_very_much_is_not_unpacked(tmp_path, monkeypatch, shape, ending):
    monkeypatch.setitem(data.FILES, "bomb", ("", ""))
    path = tmp_path / f"bomb{ending}"
    if ending:  # a gzip file may be several, one after the other
        path.write_bytes(gzip.compress(idx(shape, b"")) + 200 * gzip.compress(bytes(10**6)))
    else:
        path.write_bytes(idx(shape, b""))
        os.truncate(path, 2 * 10**8)
    with refused(data.DataError, "it is too long: more than 47040016 bytes", IMAGES):
        data._read_file(tmp_path, "bomb")
        raise AssertionError("not refused")


# A run


def run_of(seeds=2, classes=10, side=3, hidden=(), technique=None, seed=0):
    """A run that nobody trained, with all that a run has."""
    rng = np.random.default_rng(seed)
    shape = seeds, (*hidden, classes)[0], side, side
    accuracies = rng.random((4, seeds)).tolist()
    return runs.Run(
        technique={"name": "L2"} | (technique or {"strength": 1e-2}),
        dataset="digits",
        preset="custom",
        steps=20,
        seeds=[*range(seeds)],
        batch_size=32,
        learning_rate=1e-3,
        loss="squared_error",
        hidden=[*hidden],
        train_size=[1_257] * seeds,
        label_noise=[0.0] * seeds,
        train_accuracy=accuracies[0],
        test_accuracy=accuracies[1],
        test_accuracy_as_published=accuracies[1],
        curve={"step": [10, 20], "train_loss": accuracies[:2], "test_accuracy": accuracies[2:]},
        device="CPU",
        backend="none",
        versions={"python": "3"},
        commit="0",
        source_hash="0",
        weights=rng.normal(size=shape).astype("float32"),
        parameters={"kernel": rng.normal(size=shape).astype("float32")},
    )


def saved(run, slug="l2"):
    """The two files of a run."""
    with tempfile.TemporaryDirectory() as folder:
        run.save(slug, folder)
        return [Path(folder, f"{slug}.{kind}").read_bytes() for kind in ("json", "npz")]


RUN = run_of()
TEXT, ARRAYS = saved(RUN)
VALUES = json.loads(TEXT)


def load(text=TEXT, arrays=ARRAYS):
    """Load a run from the contents of its two files; None if they are refused as they should be."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "l2.json").write_bytes(text)
        Path(folder, "l2.npz").write_bytes(arrays)
        with refused(ValueError, "l2.json is not a saved run: ", SMALL):
            return runs.load("l2", folder)


@examples(60)
@given(
    seeds=st.integers(1, 4),
    side=st.integers(1, 9),
    hidden=st.lists(st.integers(1, 20), max_size=2),
    number=st.floats(-1e9, 1e9),
    slug=st.sampled_from(["l2", "l2_tuned", "weight_decay"]),
    seed=st.integers(0, 2**32),
    by_column=st.booleans(),
)
def test_a_saved_run_loads_equal(seeds, side, hidden, number, slug, seed, by_column):
    technique = {"strength": number, "rate": [number] * seeds}
    run = run_of(seeds, 10, side, hidden, technique, seed)
    run.learning_rate = [number] * seeds
    run.curve["validation_accuracy"] = run.curve["test_accuracy"]
    if by_column:
        run.weights = np.asfortranarray(run.weights)
    with tempfile.TemporaryDirectory() as folder:
        run.save(slug, folder)
        assert runs.load(slug, folder).same_as(run)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def paths(values, path=()):
    """Where there is a value in `values`, at any depth."""
    yield path
    if isinstance(values, (dict, list)):
        for key in values if isinstance(values, dict) else range(len(values)):
            yield from paths(values[key], (*path, key))


def changed(path, value):
    """A run's JSON with another value at one place."""
    whole = place = {"": json.loads(TEXT)}
    *before, last = "", *path
    for key in before:
        place = place[key]
    place[last] = value
    return json.dumps(whole[""]).encode()


odd_values = st.sampled_from([None, True, -1, 0.5, 10**30, math.nan, math.inf, "1", [], [[]], {}])
changed_json = st.one_of(
    st.builds(changed, st.sampled_from([*paths(VALUES)]), odd_values | json_values),
    st.builds(changed, st.tuples(st.text(max_size=9)), odd_values),
    st.sampled_from([*VALUES]).map(
        lambda left_out: json.dumps({k: v for k, v in VALUES.items() if k != left_out}).encode()
    ),
)


@examples(500)
@given(st.one_of(st.binary(max_size=60), json_values.map(lambda v: json.dumps(v).encode()),
                 changed_json, mangled(TEXT)))  # fmt: skip
def test_any_json_is_a_run_or_refused(text):
    run = load(text=text)
    if run is None:
        return
    # What is not refused says what the file says, and can be reckoned with.
    assert {name: getattr(run, name) for name in VALUES} == json.loads(text)
    per_seed = [run.seeds, run.train_size, run.label_noise, run.test_accuracy, run.weight_min]
    assert np.array(per_seed, float).shape == (5, 2) and np.isfinite(per_seed).all()
    assert run.of_replicas([1]).curve["step"] == run.curve["step"]
    assert np.isfinite([run.curve["train_loss"], run.curve["test_accuracy"]]).all()


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"slug": ' * 100_000,
        b"1" * 10_000,
        b"\xff\xfe",
        b'{"a\\nb\\ud800": 1}',
        json.dumps(VALUES | {str(i): i for i in range(10_000)}).encode(),
        json.dumps(VALUES | {"hidden": [10**18] * 3}).encode(),
    ],
    ids=["lists", "objects", "digits", "not text", "odd names", "very many names", "very wide"],
)
def test_extreme_json_is_refused(text):
    load(text=text)


@pytest.mark.parametrize(
    "change, word",
    [
        ({"test_accuracy": [0.5]}, "test_accuracy"),
        ({"test_accuracy": [0.5, "0.5"]}, "test_accuracy"),
        ({"test_accuracy": [0.5, math.nan]}, "test_accuracy"),
        ({"seeds": [0, 1, 2]}, "test_accuracy"),
        ({"seeds": [0, True]}, "seeds"),
        ({"steps": True}, "steps"),
        ({"hidden": [0.5]}, "hidden"),
        ({"technique": {}}, "technique"),
        ({"technique": {"name": "L2", "strength": [1, 2, 3]}}, "strength"),
        ({"curve": VALUES["curve"] | {"step": [10]}}, "train_loss"),
        ({"weight_min": [0.0, 0.0]}, "weight_min"),
        ({"title": "L1"}, "title"),
    ],
)
def test_values_that_do_not_belong_together_are_refused_by_name(tmp_path, change, word):
    (tmp_path / "l2.json").write_text(json.dumps(VALUES | change))
    (tmp_path / "l2.npz").write_bytes(ARRAYS)
    with pytest.raises(ValueError, match=rf"is not a saved run: .*\b{word}\b.*Delete it and run"):
        runs.load("l2", tmp_path)


@examples(500)
@given(st.one_of(st.binary(max_size=200), mangled(ARRAYS)))
def test_any_bytes_are_the_runs_arrays_or_refused(arrays):
    run = load(arrays=arrays)
    # Some bytes, as the time that the archive was made, say nothing of the run.
    assert run is None or run.same_as(RUN)


def npy(array, shape=None, version=1):
    """A `.npy` file, with whatever `shape` its header may claim."""
    file, form = io.BytesIO(), np.lib.format
    write = form.write_array_header_1_0 if version == 1 else form.write_array_header_2_0
    write(file, form.header_data_from_array_1_0(array) | ({"shape": shape} if shape else {}))
    return file.getvalue() + array.tobytes()


def archive(*members, how=zipfile.ZIP_DEFLATED):
    """A `.npz` of (name, content) pairs."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as packed:
        for name, content in members:
            packed.writestr(f"{name}.npy", content)
    return file.getvalue()


def zeros(width):
    """Zeros of a shape that two seeds may have: 4,000 bytes times the width."""
    return npy(np.zeros((2, 10, 50, width), "float32"))


def entry(packed):
    """The place of the first entry in an archive's directory; flags are at 8, the packing at 10."""
    return packed.index(b"PK\1\2")


WEIGHTS = "weights", npy(RUN.weights)
PICKLE = io.BytesIO()
np.save(PICKLE, np.array([{}, None], object), allow_pickle=True)


def lying(content, size):
    """A `.npz` of a member whose size is said to be `size`, where it is not."""
    packed = archive(WEIGHTS, ("parameter_x", content))
    true, said = (struct.pack("<I", number) for number in (len(content), size))
    return packed.replace(true, said)


HOSTILE = {
    "a shape of 10^12": lambda: archive(("weights", npy(RUN.weights, (2, 10, 10**5, 10**6)))),
    "a shape beyond 64 bits": lambda: archive(("weights", npy(RUN.weights, (2, 10**30, 3, 3)))),
    "a negative shape": lambda: archive(("weights", npy(RUN.weights, (2, -10, 3, -3)))),
    "a number for weights": lambda: archive(("weights", npy(np.float32(1)))),
    "other seeds": lambda: archive(("weights", npy(RUN.weights[:1]))),
    "three axes": lambda: archive(("weights", npy(RUN.weights[:, 0]))),
    "no weights": lambda: archive(("parameter_kernel", npy(RUN.weights))),
    "nothing": lambda: archive(),
    "float64": lambda: archive(("weights", npy(RUN.weights.astype(float)))),
    "whole numbers": lambda: archive(("weights", npy(RUN.weights.astype("int32")))),
    "words": lambda: archive(("weights", npy(RUN.weights.astype("U9")))),
    "objects": lambda: archive(("weights", PICKLE.getvalue())),
    "a pickle": lambda: b"cos\nsystem\n(S'exit 1'\ntR.",
    "a pickle as a member": lambda: archive(("weights", b"cos\nsystem\n(S'exit 1'\ntR.")),
    "one array, unpacked": lambda: WEIGHTS[1],
    "one array that claims 10^12": lambda: npy(RUN.weights, (2, 10, 10**5, 10**6)),
    "a deep header": lambda: archive(("weights", b"\x93NUMPY\x01\x00\x88\x13" + b"(" * 5_000)),
    "half a header": lambda: archive(("weights", b"\x93NUMPY\x01\x00\x04\x00{'''")),
    "a later version": lambda: archive(("weights", npy(RUN.weights, version=2))),
    "a member twice": lambda: archive(
        WEIGHTS, ("parameter_x", WEIGHTS[1]), ("parameter_x", WEIGHTS[1])
    ),
    "an unknown member": lambda: archive(WEIGHTS, ("../weights", WEIGHTS[1])),
    "another packing": lambda: archive(WEIGHTS, how=zipfile.ZIP_BZIP2),
    "a bomb": lambda: archive(WEIGHTS, ("parameter_x", zeros(10_000))),
    "a bomb that says it is small": lambda: lying(zeros(10_000), 50_000),
    "a bomb in another packing": lambda: archive(
        WEIGHTS, ("parameter_x", zeros(10_000)), how=zipfile.ZIP_BZIP2
    ),
    "many small bombs": lambda: archive(
        WEIGHTS, *[(f"parameter_{i}", zeros(200)) for i in range(99)]
    ),
    "a password": lambda: flip(archive(WEIGHTS), [(entry(archive(WEIGHTS)) + 8, 1)]),
    "an unheard-of packing": lambda: flip(archive(WEIGHTS), [(entry(archive(WEIGHTS)) + 10, 99)]),
}


@pytest.mark.filterwarnings("ignore:Duplicate name", "ignore:Reading `.npy`")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_arrays_are_refused(kind):
    assert load(arrays=HOSTILE[kind]()) is None


def test_the_two_files_of_different_runs_are_refused():
    """As they are where saving was interrupted after the first."""
    other = saved(run_of(seed=1))
    assert load(*other) and load(text=TEXT) and load(arrays=ARRAYS)
    assert load(TEXT, other[1]) is None and load(other[0], ARRAYS) is None
