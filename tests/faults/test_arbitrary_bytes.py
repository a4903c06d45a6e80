"""Whatever a file holds, it is read right or refused in a sentence: no crash, no hunger for memory.

The examples are the same at every run. To search longer: `HYPOTHESIS_EXAMPLES=100000 pytest ...`.
"""

import contextlib
import gzip
import json
import math
import os
import re
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from regularization.core import data, formats
from regularization.core.settings import Settings
from regularization.core.techniques import L2
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


@contextlib.contextmanager
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
        array = formats.parse_idx(content)
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
            data.MNIST._read(name, Path(folder), "MNIST_DIR")
            raise AssertionError("not refused")


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("shape", [(2 * 10**8,), (60_000, 28, 28), (2**32 - 1,) * 3, (0, 28, 28)])
def test_a_file_that_unpacks_to_very_much_is_not_unpacked(tmp_path, monkeypatch, shape, ending):
    monkeypatch.setitem(data.MNIST.files, "bomb", ("", ""))
    path = tmp_path / f"bomb{ending}"
    if ending:  # a gzip file may be several, one after the other
        path.write_bytes(gzip.compress(idx(shape, b"")) + 200 * gzip.compress(bytes(10**6)))
    else:
        path.write_bytes(idx(shape, b""))
        os.truncate(path, 2 * 10**8)
    with refused(data.DataError, "it is too long: more than 47040016 bytes", IMAGES):
        data.MNIST._read("bomb", tmp_path, "MNIST_DIR")
        raise AssertionError("not refused")


# A run


def run_of(axes=(2,), classes=10, side=3, hidden=(), settings=None, seed=0, parameters=()):
    """A run that nobody trained, with all that a run has; of two seeds if nothing else is said."""
    rng = np.random.default_rng(seed)
    image = (*hidden, classes)[0], side, side
    arrays = {"weights": rng.normal(size=(*axes, *image)).astype("float32")}
    arrays |= {f"{name}_accuracy": rng.random(axes) for name in ("train", "validation", "test")}
    arrays |= {"test_accuracy_as_published": rng.random(axes), "curve.step": np.array([10, 20])}
    arrays |= {f"curve.{name}": rng.random((2, *axes)) for name in ("train_loss", "test_accuracy")}
    arrays |= {"frames.step": np.array([0, 10, 20])}
    arrays["frames.weights"] = rng.random((3, *axes[:-1], *image), "float32")
    for name, shape in {"kernel": image, **dict(parameters)}.items():
        arrays[f"parameters.{name}"] = rng.normal(size=(*axes, *shape)).astype("float32")
    settings = settings or Settings(L2(1e-2), steps=20, seeds=axes[0], dataset="digits")
    return runs.Run(settings, arrays, {"device": "CPU", "backend": "none"})


def said_of(run):
    """What a file says of a run, beside the checksum."""
    return {"about": {"settings": run.settings.to_json(), "data": "0"}, "made": run.made}


def written(arrays, said):
    """A file of arrays and of what is said of them, its checksum right."""
    with tempfile.TemporaryDirectory() as folder:
        runs.write_arrays(Path(folder, "x"), arrays, said)
        return Path(folder, "x").read_bytes()


RUN = run_of()
SAID, CONTENT = said_of(RUN), written(RUN.arrays, said_of(RUN))


def load(content):
    """Read a run from the content of its file; None if it is refused as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "l2.safetensors")
        path.write_bytes(content)
        with refused(ValueError, "l2.safetensors is not a saved run: ", SMALL):
            return runs.read(path)[0]


def same(one, other):
    """Whether two runs are one to the bit."""
    return (
        one.settings == other.settings
        and one.made == other.made
        and one.arrays.keys() == other.arrays.keys()
        and all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)
    )


def is_whole(run):
    """Whether all that a run has can be reckoned with, and is as its settings say."""
    accuracies = [run.train_accuracy, run.validation_accuracy, run.test_accuracy]
    models = [*accuracies, run.test_accuracy_as_published, run.weight_min, run.weight_max]
    assert {each.shape for each in models} == {run.settings.shape}
    assert all(np.isfinite(each).all() for each in models)
    assert all(np.isfinite(curve).all() for curve in run.curve.values())
    assert all(parameter.shape[0] for parameter in run.parameters.values())
    part = run.sel(seed=run.settings.seeds[-1])
    assert part.curve["step"].equals(run.curve["step"]) and part.weights.shape[-4] == 1
    return True


@examples(60)
@given(
    strengths=st.lists(st.floats(0, 1e9), min_size=1, max_size=3, unique=True),
    rates=st.lists(st.floats(1e-6, 1), min_size=1, max_size=3, unique=True),
    seeds=st.integers(1, 4),
    side=st.integers(1, 9),
    hidden=st.lists(st.integers(1, 20), max_size=2),
    seed=st.integers(0, 2**32),
    by_column=st.booleans(),
    as_the_kernel=st.booleans(),
)
def test_a_saved_run_loads_equal(
    strengths, rates, seeds, side, hidden, seed, by_column, as_the_kernel
):
    settings = Settings(L2(strengths), learning_rate=rates, seeds=seeds, hidden=hidden, steps=20)
    sizes = {f"kernel.{i}": (3, before) for i, before in enumerate(hidden, start=1)}
    run = run_of(settings.shape, 10, side, hidden, settings, seed, sizes)
    run.arrays["curve.validation_accuracy"] = run.arrays["curve.test_accuracy"]
    if as_the_kernel:  # and then it is in the file once
        run.arrays["parameters.kernel"] = run.arrays["weights"]
    if by_column:
        run.arrays["weights"] = np.asfortranarray(run.arrays["weights"])
    with tempfile.TemporaryDirectory() as folder:
        runs.write(run, said_of(run)["about"], Path(folder, "x"))
        back, about = runs.read(Path(folder, "x"))
    assert same(back, run) and about == said_of(run)["about"] and is_whole(back)


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
    """What a file says of a run, with another value at one place."""
    whole = place = {"": json.loads(json.dumps(SAID))}
    *before, last = "", *path
    for key in before:
        place = place[key]
    place[last] = value
    return whole[""]


def without(path):
    """What a file says of a run, with one thing left out."""
    *before, last = path
    whole = place = json.loads(json.dumps(SAID))
    for key in before:
        place = place[key]
    del place[last]
    return whole


PATHS = [path for path in paths(SAID) if path]
odd_values = st.sampled_from(
    [None, True, -1, 0.5, 10**30, 10**400, 2**31 - 1, math.nan, math.inf, "1", [], [[]], {}, [0, 0]]
)
changed_words = st.one_of(
    st.builds(changed, st.sampled_from(PATHS), odd_values | json_values),
    st.builds(changed, st.tuples(st.just("about"), st.text(max_size=9)), odd_values),
    st.builds(
        changed, st.tuples(st.just("about"), st.just("settings"), st.text(max_size=9)), odd_values
    ),
    st.sampled_from(PATHS).map(without),
)


@examples(500)
@given(changed_words)
def test_any_words_are_of_a_run_or_refused(said):
    run = load(written(RUN.arrays, said))
    # What is not refused says what the file says, and can be reckoned with.
    if run is not None:
        assert run.settings.to_json() == said["about"]["settings"]
        assert json.dumps(run.made) == json.dumps(said["made"])  # NaN is not itself
        assert is_whole(run)


def with_words(text):
    """The file with any text in place of its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        save_file(RUN.arrays, Path(folder, "x"), {"said": text})
        return Path(folder, "x").read_bytes()


TEXT = json.dumps(SAID | {"sha256": runs._sum(RUN.arrays, SAID)})


@examples(300)
@given(st.text(max_size=60) | json_values.map(json.dumps) | mangled(TEXT.encode()).map(
    lambda content: content.decode("latin-1")))  # fmt: skip
def test_any_text_is_of_a_run_or_refused(text):
    assert load(with_words(TEXT)) is not None
    run = load(with_words(text))
    assert run is None or is_whole(run)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"about": ' * 100_000,
        "1" * 10_000,
        '{"a\\nb\\ud800": 1}',
        json.dumps(SAID | {"about": {"settings": {str(i): i for i in range(10_000)}}}),
        json.dumps(changed(("about", "settings", "a\nb" * 1_000), 1)),
        json.dumps(changed(("about", "settings", "seeds"), 2**31 - 1)),
        json.dumps(changed(("about", "settings", "seeds"), [0] * 100_000)),
        json.dumps(changed(("about", "settings", "steps"), "9" * 100_000)),
        json.dumps(changed(("about", "settings", "technique", "name"), "L" * 100_000)),
        json.dumps(changed(("about", "settings", "technique", "strength"), [*range(100_000)])),
    ],
    ids=lambda text: text[:20],
)
def test_extreme_words_are_refused(text):
    assert load(with_words(text)) is None
    # And with the checksum that belongs to the arrays.
    with contextlib.suppress(ValueError, RecursionError, TypeError):
        assert load(written(RUN.arrays, json.loads(text))) is None


def test_very_wide_layers_are_a_setting_and_take_no_memory():
    said = changed(("about", "settings", "hidden"), [10**18] * 3)
    run = load(written(RUN.arrays, said))
    assert run is None or run.settings.hidden == (10**18,) * 3


OTHER = {
    "accuracy of one seed": {"test_accuracy": np.zeros(1)},
    "accuracies that are no numbers": {"test_accuracy": np.array([0.5, math.nan])},
    "an endless loss": {"curve.train_loss": np.full((2, 2), math.inf)},
    "accuracies in float32": {"test_accuracy": np.zeros(2, "float32")},
    "whole accuracies": {"test_accuracy": np.zeros(2, "int64")},
    "a curve of one step": {"curve.step": np.array([10])},
    "a curve of three steps": {"curve.step": np.array([10, 20, 30])},
    "steps that are no whole numbers": {"curve.step": np.array([10.0, 20.0])},
    "a curve without seeds": {"curve.train_loss": np.zeros(2)},
    "a curve of more": {"curve.train_loss": np.zeros((2, 2, 2))},
    "a number for weights": {"weights": np.zeros((), "float32")},
    "weights of one seed": {"weights": RUN.arrays["weights"][:1]},
    "weights of three seeds": {"weights": np.zeros((3, 10, 3, 3), "float32")},
    "weights of three axes": {"weights": RUN.arrays["weights"][:, 0]},
    "weights of five axes": {"weights": RUN.arrays["weights"][..., None]},
    "weights in float64": {"weights": RUN.arrays["weights"].astype("float64")},
    "weights in float16": {"weights": RUN.arrays["weights"].astype("float16")},
    "whole weights": {"weights": RUN.arrays["weights"].astype("int32")},
    "flags for weights": {"weights": RUN.arrays["weights"] > 0},
    "weights without end": {"weights": RUN.arrays["weights"] * np.float32(math.inf)},
    "parameters of one seed": {"parameters.kernel": RUN.arrays["weights"][:1]},
    "parameters of six axes": {"parameters.kernel": RUN.arrays["weights"][..., None, None]},
    "whole parameters": {"parameters.kernel": np.zeros((2, 10), "int64")},
    "frames of two steps": {"frames.step": np.array([0, 10])},
    "frames of five axes": {"frames.weights": np.zeros((3, 2, 10, 3, 3), "float32")},
    "an unknown array": {"../weights": np.zeros(2)},
    "an unknown curve": {"curve.gap": np.zeros((2, 2))},
    "an unknown array of odd name": {"a\nb": np.zeros(2)},
}


@pytest.mark.parametrize("other", OTHER.values(), ids=[*OTHER])
def test_arrays_that_do_not_belong_to_the_settings_are_refused_by_name(tmp_path, other):
    path = tmp_path / "l2.safetensors"
    path.write_bytes(written(RUN.arrays | other, SAID))
    (name,) = other
    # Of steps that are too few or too many, what goes along them is told.
    along = {"curve.step": r"curve\.\w+", "frames.step": r"frames\.\w+"}.get(name)
    said = f"is not a saved run: .*'{along or re.escape(ascii(name)[1:-1])}'"
    with pytest.raises(ValueError, match=said) as caught:
        runs.read(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1_000


@pytest.mark.parametrize("name", [name for name in RUN.arrays if name != "parameters.kernel"])
def test_a_run_that_lacks_something_is_refused_by_name(tmp_path, name):
    path = tmp_path / "l2.safetensors"
    path.write_bytes(written({k: v for k, v in RUN.arrays.items() if k != name}, SAID))
    if name == "frames.weights":
        assert runs.read(path)[0].arrays.keys() == RUN.arrays.keys() - {name}
        return
    with pytest.raises(ValueError, match=f"is not a saved run: .*'{name}'"):
        runs.read(path)


@examples(500)
@given(st.one_of(st.binary(max_size=200), mangled(CONTENT)))
def test_any_bytes_are_a_run_or_refused(content):
    run = load(content)
    # Some bytes, as spaces at the end of the head, say nothing of the run.
    assert run is None or same(run, RUN)


def packed(tensors, said=TEXT, data=None, size=None):
    """A safetensors file made by hand: (name, kind, shape, where) of each, whatever they claim."""
    pairs = {"__metadata__": {"said": said}}
    each = [json.dumps(pairs)[1:-1]]
    each += [
        f"{json.dumps(name)}: " + json.dumps(dict(dtype=kind, shape=shape, data_offsets=where))
        for name, kind, shape, where in tensors
    ]
    head = ("{" + ", ".join(each) + "}").encode()
    data = bytes(RUN.arrays["weights"].nbytes) if data is None else data
    return struct.pack("<Q", len(head) if size is None else size) + head + data


SHAPE, END = [2, 10, 3, 3], RUN.arrays["weights"].nbytes
WEIGHTS = "weights", "F32", SHAPE, [0, END]
HOSTILE = {
    "a shape of 10^12": lambda: packed([("weights", "F32", [2, 10, 10**5, 10**6], [0, END])]),
    "a shape of 10^12 that ends there": lambda: packed(
        [("weights", "F32", [2, 10, 10**5, 10**6], [0, 8 * 10**12])]
    ),
    "a shape beyond 64 bits": lambda: packed([("weights", "F32", [2, 10**30, 3, 3], [0, END])]),
    "a shape whose product is beyond 64 bits": lambda: packed(
        [("weights", "F32", [2**40, 2**40, 1, 1], [0, END])]
    ),
    "a negative shape": lambda: packed([("weights", "F32", [2, -10, 3, -3], [0, END])]),
    "a shape of nothing": lambda: packed([("weights", "F32", [2, 0, 3, 3], [0, 0])], data=b""),
    "a place before the data": lambda: packed([("weights", "F32", SHAPE, [-8, END - 8])]),
    "a place beyond the data": lambda: packed([("weights", "F32", SHAPE, [END, 2 * END])]),
    "a place that ends before it begins": lambda: packed([("weights", "F32", SHAPE, [END, 0])]),
    "one place for two": lambda: packed([WEIGHTS, ("parameters.kernel", *WEIGHTS[1:])]),
    "an array twice": lambda: packed([WEIGHTS, WEIGHTS]),
    "no array": lambda: packed([], data=b""),
    "data that are no array's": lambda: packed([WEIGHTS], data=bytes(END + 10**6)),
    "an unheard-of kind": lambda: packed([("weights", "F31", SHAPE, [0, END])]),
    "a kind that NumPy does not know": lambda: packed(
        [("weights", "BF16", [2, 10, 3, 3, 2], [0, END])]
    ),
    "a small kind": lambda: packed([("weights", "F8_E4M3", [2, 10, 3, 3, 4], [0, END])]),
    "a head of 2^63 bytes": lambda: packed([WEIGHTS], size=2**63),
    "a head of 2^64 - 1 bytes": lambda: packed([WEIGHTS], size=2**64 - 1),
    "a head of more than there is": lambda: packed([WEIGHTS], size=10**8),
    "a head of nothing": lambda: packed([WEIGHTS], size=0),
    "half a head": lambda: packed([WEIGHTS], size=50),
    "a deep head": lambda: struct.pack("<Q", 10**6) + b"[" * 10**6,
    "a head that is no text": lambda: struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
    "words that are no text": lambda: CONTENT.replace(b'"said":"', b'"said":[', 1),
    "other words": lambda: CONTENT.replace(b'"said":"', b'"sayd":"', 1),
    "many arrays": lambda: packed(
        [(f"parameters.{i}", "F32", [1], [4 * i, 4 * i + 4]) for i in range(10_000)],
        data=bytes(40_000),
    ),
    "a pickle": lambda: b"cos\nsystem\n(S'exit 1'\ntR.",
    "an archive": lambda: b"PK\x03\x04" + bytes(100),
    "NumPy's array": lambda: b"\x93NUMPY\x01\x00\x04\x00{",
    "MNIST": lambda: LABELS,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(kind):
    assert load(HOSTILE[kind]()) is None


def test_arrays_of_one_run_with_the_words_of_another_are_refused():
    other = run_of(seed=1)
    said = said_of(other)
    with_its_sum = json.dumps(said | {"sha256": runs._sum(other.arrays, said)})
    assert load(with_words(TEXT)) and load(written(other.arrays, said_of(other)))
    assert load(with_words(with_its_sum)) is None
    of_more = run_of((3,), settings=Settings(L2(1e-2), seeds=3, steps=20))
    assert load(written(RUN.arrays, said_of(of_more))) is None
    assert load(written(of_more.arrays, SAID)) is None
