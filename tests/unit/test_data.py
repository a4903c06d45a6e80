"""MNIST is what it should be or is refused in a sentence; the stand-in is always there."""

import gzip
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from regularization.core import data, formats, published


def test_mnist_is_split_as_in_the_post(mnist):
    assert mnist.shape == (28, 28)
    assert [len(mnist.train_images), len(mnist.validation_images), len(mnist.test_images)] == [
        55_000,
        5_000,
        10_000,
    ]
    # Published counts: 5,923 zeros among the 60,000, 980 among the 10,000.
    zeros = np.sum(mnist.train_labels == 0) + np.sum(mnist.validation_labels == 0)
    assert (zeros, np.sum(mnist.test_labels == 0)) == (5_923, 980)
    # The first of the 60,000 is a five, as every tutorial shows; it is held back for validation.
    assert mnist.validation_labels[0] == 5


def test_the_stand_in_needs_nothing_and_shares_no_image_between_its_parts(digits):
    parts = digits.train_images, digits.validation_images, digits.test_images
    assert digits.shape == (8, 8) and sum(map(len, parts)) == 1_797
    assert all(part.dtype == np.uint8 for part in parts) and digits.train_images.max() == 255
    assert set(digits.test_labels) == set(range(10))


def test_files_may_be_packed_or_not(mnist_folder):
    packed = data.load("mnist")
    for path in list(mnist_folder.glob("*.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    unpacked = data.load("mnist")
    assert np.array_equal(packed.test_images, unpacked.test_images)
    assert packed.train_images.shape == (20, 4, 4)


def test_files_packed_by_another_gzip_are_the_same_digits(mnist_folder):
    path = mnist_folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=77))
    assert len(data.load("mnist").test_labels) == 30


@pytest.mark.parametrize(
    "name",
    ["{}.idx-ubyte", "MNIST/raw/{}", "{} (1).gz", "{}.bin", "swapped"],
)
def test_files_are_known_by_their_content_under_any_name(mnist_folder, name):
    expected = data.load("mnist")
    contents = {path: path.read_bytes() for path in sorted(mnist_folder.glob("*.gz"))}
    (mnist_folder / "mnist.npz").write_bytes(b"PK")  # what else may lie there
    (mnist_folder / "MNIST" / "raw").mkdir(parents=True)
    for path in contents:
        path.unlink()
    for (path, packed), other in zip(contents.items(), data.MNIST.files, strict=True):
        given = f"{other}.gz" if name == "swapped" else name.format(path.stem)
        content = packed if given.endswith("gz") else gzip.decompress(packed)
        (mnist_folder / given).write_bytes(content)
    assert data.load("mnist").hash == expected.hash


def taken_away(folder):
    """The arrays of MNIST's files, which are removed: of the training, then of the test."""
    arrays = []
    for name in data.MNIST.files:
        path = folder / f"{name}.gz"
        arrays.append(formats.parse_idx(gzip.decompress(path.read_bytes())))
        path.unlink()
    return arrays


def test_keras_archive_and_a_table_of_numbers_hold_the_same_digits(mnist_folder):
    expected, arrays = data.load("mnist").hash, taken_away(mnist_folder)
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(mnist_folder / "mnist.npz", **dict(zip(names, arrays, strict=True)))
    assert data.load("mnist").hash == expected
    (mnist_folder / "mnist.npz").unlink()
    header = "label," + ",".join(f"pixel{i}" for i in range(16))
    for name, above, (images, labels) in (
        ("mnist_train", "", arrays[:2]),
        ("mnist_test", header, arrays[2:]),
    ):
        rows = np.column_stack([labels, images.reshape(len(images), -1)])
        path = mnist_folder / f"{name}.csv"
        np.savetxt(path, rows, "%d", ",", header=above, comments="")
    assert data.load("mnist").hash == expected


def test_keras_cache_is_looked_into_and_what_else_lies_there_passed_over(
    mnist_folder, monkeypatch, tmp_path
):
    expected, arrays = data.load("mnist").hash, taken_away(mnist_folder)
    for variable in ("MNIST_DIR", "DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(published, "_keras", lambda: tmp_path / "keras")
    monkeypatch.setattr("pooch.retrieve", lambda **_: pytest.fail("it is downloaded"))
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "imdb.npz").write_bytes(b"PK")
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(tmp_path / "keras" / "mnist.npz", **dict(zip(names, arrays, strict=True)))
    assert data.load("mnist").hash == expected


@pytest.mark.parametrize("way", ["~nobody-of-that-name/data", "/" + 5_000 * "a"])
def test_a_way_that_leads_nowhere_is_said_in_a_paragraph(monkeypatch, way):
    for variable, name in (
        ("MNIST_DIR", "mnist"),
        ("DATA_DIR", "fashion"),
        ("none", f"folder:{way}"),
    ):
        with monkeypatch.context() as patch, pytest.raises(data.DataError) as said:
            patch.setenv(variable, way)
            data.load(name)
        assert "Expected" in str(said.value) and len(str(said.value)) < 700


@pytest.mark.parametrize("name", ["mnist", "MNIST/raw"])
def test_a_folder_of_data_sets_has_one_for_each(mnist_folder, monkeypatch, tmp_path, name):
    expected = data.load("mnist").hash
    monkeypatch.delenv("MNIST_DIR")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "all"))
    with pytest.raises(data.DataError, match="DATA_DIR=.* is not a folder.*Create it"):
        data.load("mnist")
    shutil.copytree(mnist_folder, tmp_path / "all" / name, ignore=lambda *_: ["all"])
    assert data.load("mnist").hash == expected
    (tmp_path / "all" / name / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(data.DataError, match="(?i)mnist has no t10k-labels.*DATA_DIR unset"):
        data.load("mnist")


def test_fashion_mnist_is_split_as_mnist_and_known_by_names():
    try:
        fashion = data.load("fashion")
    except data.Unreachable as error:
        pytest.skip(f"Fashion-MNIST cannot be had: {error.reason}")
    assert fashion.shape == (28, 28) and fashion.names[9] == "ankle boot"
    # Published: 6,000 of each class train, and the first of them is an ankle boot, held back here.
    counts = np.bincount(fashion.train_labels) + np.bincount(fashion.validation_labels)
    assert counts.tolist() == [6_000] * 10 and fashion.validation_labels[0] == 9
    assert repr(fashion) == "<DataSet fashion: 55,000 + 5,000 + 10,000 images of 28 x 28>"


def test_mnist1d_is_its_packages_signals_and_leaves_random_numbers_alone():
    from mnist1d.data import get_dataset_args, make_dataset

    state = np.random.get_state()[1].copy()  # noqa: NPY002
    signals = data.load("mnist1d")
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    with data._generators_kept():
        theirs = make_dataset(get_dataset_args())
    assert signals.shape == (1, 40) and len(signals.train_images) == 3_500
    ours = (np.float64(signals.test_images[:, 0]) - 127.5) / (127.5 / 4)
    inside = np.abs(theirs["x_test"]) < 4
    np.testing.assert_allclose(ours[inside], theirs["x_test"][inside], atol=4 / 255)
    assert inside.mean() > 0.999 and np.array_equal(signals.test_labels, theirs["y_test"])


def test_a_package_that_is_missing_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(data.Unreachable, match="not installed. Expected .* pip install mnist1d"):
        data.load("mnist1d")


def test_what_is_missing_is_named_with_what_is_there(mnist_folder):
    (mnist_folder / "t10k-labels-idx1-ubyte.gz").rename(mnist_folder / "labels.txt")
    (mnist_folder / "labels.txt").write_text("7 2 1 0", encoding="utf-8")
    with pytest.raises(data.DataError, match="no t10k-labels-idx1-ubyte.gz.* holds labels.txt, t1"):
        data.load("mnist")


def test_auto_takes_the_stand_in_where_mnist_cannot_be_kept(monkeypatch, capsys):
    """A home that cannot be written, for one."""

    def refused(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(data.MNIST, "_given", lambda: (None, None))
    monkeypatch.setattr(published, "_keras", lambda: Path("nowhere"))
    monkeypatch.setattr("pooch.retrieve", refused)
    assert data.load("auto").name == "digits" and "Permission denied" in capsys.readouterr().out
    with pytest.raises(data.Unreachable, match="Expected a network and room for it"):
        data.load("mnist")


def spoil(folder, how):
    path = folder / "train-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    if how == "missing file":
        return path.unlink()
    if how == "no folder":
        return shutil.rmtree(folder)
    if how == "empty file":
        return path.write_bytes(b"")
    if how == "truncated gzip":
        return path.write_bytes(path.read_bytes()[:-20])
    if how == "not gzip":
        return path.write_bytes(b"<html>404</html>")
    if how == "truncated":
        del content[-5:]
    if how == "too long":
        content += b"\0"
    if how == "short header":
        del content[6:]
    if how == "wrong magic number":
        content[2] = 13
    if how == "wrong checksum":
        content[100] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))


@pytest.mark.parametrize(
    "how, word",
    {
        "no folder": "is not a folder",
        "missing file": "has no train-labels-idx1-ubyte.gz",
        "empty file": "truncated",
        "truncated gzip": "damaged",
        "not gzip": "damaged",
        "truncated": "truncated",
        "too long": "too long",
        "short header": "truncated",
        "wrong magic number": "magic number",
        "wrong checksum": "sha256",
    }.items(),
)
@pytest.mark.parametrize("name", ["mnist", "auto"])
def test_a_bad_folder_is_refused_in_one_paragraph(mnist_folder, how, word, name):
    spoil(mnist_folder, how)
    with pytest.raises(data.DataError) as caught:
        data.load(name)
    message = str(caught.value)
    assert word in message and str(mnist_folder) in message
    assert "xpected" in message and "MNIST_DIR unset" in message and "\n" not in message


def test_an_unknown_data_set_is_refused():
    with pytest.raises(
        ValueError, match="no data set 'cifar'. Expected one of auto, mnist, digits, fash"
    ):
        data.load("cifar")
