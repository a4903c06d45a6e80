"""MNIST is what it should be or is refused in a sentence; the stand-in is always there."""

import gzip
import shutil

import numpy as np
import pytest

from regularization.core import data


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
    for (path, packed), other in zip(contents.items(), data.FILES, strict=True):
        given = f"{other}.gz" if name == "swapped" else name.format(path.stem)
        content = packed if given.endswith("gz") else gzip.decompress(packed)
        (mnist_folder / given).write_bytes(content)
    assert data.load("mnist").hash == expected.hash


def test_what_is_missing_is_named_with_what_is_there(mnist_folder):
    (mnist_folder / "t10k-labels-idx1-ubyte.gz").rename(mnist_folder / "labels.txt")
    (mnist_folder / "labels.txt").write_text("7 2 1 0", encoding="utf-8")
    with pytest.raises(data.DataError, match="no t10k-labels-idx1-ubyte.gz.* holds labels.txt, t1"):
        data.load("mnist")


def test_auto_takes_the_stand_in_where_mnist_cannot_be_kept(monkeypatch, capsys):
    """A home that cannot be written, for one."""

    def refused(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.delenv("MNIST_DIR", raising=False)
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
        ValueError, match="no data set 'cifar'. Expected one of auto, mnist, digits"
    ):
        data.load("cifar")
