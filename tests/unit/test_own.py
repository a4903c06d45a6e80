"""A reader's own images are read in whatever form, or refused in a paragraph that says why."""

import gzip
import io
import os
import shutil
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from regularization.core import data, own
from regularization.core.dataset import PARTS
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.technique import Technique

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (200, 12, 12), "uint8")
LABELS = np.arange(200) % 10
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def whole(folder, images=IMAGES, labels=LABELS):
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)


def in_parts(folder):
    ends = {"train": slice(140), "validation": slice(140, 170), "test": slice(170, None)}
    for part, where in ends.items():
        np.savez(folder / f"{part}.npz", images=IMAGES[where], labels=LABELS[where])


def as_keras_has_them(folder):
    arrays = dict(x_train=IMAGES[:150], y_train=LABELS[:150])
    np.savez_compressed(folder / "mine.npz", **arrays, x_test=IMAGES[150:], y_test=LABELS[150:])


def as_idx(folder):
    for part, where in {"train": slice(150), "t10k": slice(150, None)}.items():
        for kind, array in {"images-idx3": IMAGES[where], "labels-idx1": LABELS[where]}.items():
            head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            path = folder / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(head + array.astype("uint8").tobytes()))


def as_pictures(folder):
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        (folder / NAMES[label]).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / NAMES[label] / f"{number:03}.png")


@pytest.mark.parametrize("form", [whole, in_parts, as_keras_has_them, as_idx, as_pictures])
def test_it_is_read_in_each_form_and_every_image_is_once_in_a_part(tmp_path, form):
    form(tmp_path)
    mine = data.load(f"folder:{tmp_path}")
    assert mine.shape == (12, 12) and mine.name == f"folder:{tmp_path.name}"
    known = {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}
    seen = []
    for part in PARTS:
        images, labels = getattr(mine, f"{part}_images"), getattr(mine, f"{part}_labels")
        assert images.dtype == labels.dtype == np.uint8 and {*labels} == {*range(10)}
        for image, label in zip(images, labels, strict=True):
            name = mine.names[label] if form is as_pictures else label
            expected = known[image.tobytes()]
            assert name == (NAMES[expected] if form is as_pictures else expected)
            seen.append(image.tobytes())
    assert len(seen) == len({*seen}) == 200


def test_of_each_class_a_share_is_held_back_and_always_the_same(tmp_path):
    whole(tmp_path)
    first, again = (data.load(f"folder:{tmp_path}") for _ in range(2))
    assert first.hash == again.hash
    for part, count in zip(PARTS, (14, 3, 3), strict=True):
        assert np.bincount(getattr(first, f"{part}_labels")).tolist() == [count] * 10


def test_classes_have_the_names_that_they_are_given(tmp_path):
    whole(tmp_path)
    (tmp_path / "names.txt").write_text("\n".join([*NAMES, ""]), encoding="utf-8")
    assert data.load(f"folder:{tmp_path}").names == tuple(NAMES)
    path = tmp_path / "x.npz"
    np.savez(path, images=IMAGES, labels=LABELS, class_names=np.array(NAMES))
    assert data.load(str(path)).names == tuple(NAMES)


def test_fractions_flags_signals_and_flat_images_are_images_too(tmp_path):
    whole(tmp_path, IMAGES / 255)
    assert np.array_equal(np.unique(data.load(f"folder:{tmp_path}").train_images), range(256))
    whole(tmp_path, IMAGES > 99)
    assert {*data.load(f"folder:{tmp_path}").train_images.ravel()} == {0, 255}
    whole(tmp_path, IMAGES.reshape(200, 144))
    assert data.load(f"folder:{tmp_path}").shape == (12, 12)
    whole(tmp_path, IMAGES[:, 0])
    assert data.load(f"folder:{tmp_path}").shape == (1, 12)
    whole(tmp_path, IMAGES[..., None], np.float32(LABELS)[:, None])
    assert data.load(f"folder:{tmp_path}").shape == (12, 12)


def test_each_part_has_some_of_a_small_class(tmp_path):
    for count in (3, 4, 5):
        whole(tmp_path, IMAGES[: 10 * count], LABELS[: 10 * count])
        mine = data.load(f"folder:{tmp_path}")
        assert all(np.bincount(getattr(mine, f"{part}_labels")).min() >= 1 for part in PARTS)


def test_what_computers_leave_beside_the_files_is_passed_over(tmp_path):
    as_pictures(tmp_path)
    (tmp_path / "__MACOSX").mkdir()
    for name in ("Thumbs.db", ".DS_Store", "._002.png"):
        (tmp_path / "two" / name).write_bytes(b"not a picture")
    assert len(data.load(f"folder:{tmp_path}").names) == 10
    path = tmp_path / "x.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._images.npy", b"no array")
    assert data.load(str(path)).shape == (12, 12)


def test_ink_on_nothing_is_ink_on_white(tmp_path):
    as_pictures(tmp_path)
    strokes = np.zeros((12, 12, 4), "uint8")
    strokes[3] = 0, 0, 0, 255
    Image.fromarray(strokes).save(tmp_path / "two" / "002.png")
    mine = data.load(f"folder:{tmp_path}")
    images = [*mine.train_images, *mine.validation_images, *mine.test_images]
    expected = np.where(strokes[..., 3] > 0, 0, 255)
    assert any(np.array_equal(image, expected) for image in images)


def test_a_model_can_be_trained_on_it(tmp_path):
    whole(tmp_path)
    found = fit(Settings(Technique(), steps=3, seeds=2), data.load(f"folder:{tmp_path}"))
    assert found["weights"].shape == (2, 10, 12, 12)


def with_nan(folder):
    images = IMAGES / 255
    images[3, 3, 3] = np.nan
    whole(folder, images)


def other_sizes(folder):
    as_pictures(folder)
    Image.fromarray(np.zeros((13, 12), "uint8")).save(folder / "two" / "999.png")


def other_sizes_of_parts(folder):
    in_parts(folder)
    np.savez(folder / "test.npz", images=IMAGES[:, :11], labels=LABELS)


def with_text(folder):
    as_pictures(folder)
    (folder / "two" / "002.png").write_text("no picture", encoding="utf-8")


def with_a_poster(folder):
    as_pictures(folder)
    Image.fromarray(np.zeros((3_000, 3_000), "uint8")).save(folder / "two" / "002.png")


def one_folder_more(folder):
    as_pictures(folder)
    (folder / "ten").mkdir()


def without_labels(folder):
    np.save(folder / "images.npy", IMAGES)


def train_alone(folder):
    np.savez(folder / "train.npz", images=IMAGES, labels=LABELS)


def names_of_nine(folder):
    whole(folder)
    (folder / "names.txt").write_text("\n".join(NAMES[:9]), encoding="utf-8")


def cut_short(folder):
    whole(folder)
    path = folder / "images.npy"
    path.write_bytes(path.read_bytes()[:-100])


def with_an_empty_folder(folder):
    as_pictures(folder)
    (folder / "zero").rename(folder / "zero-zero")
    shutil.rmtree(folder / "nine")
    (folder / "ten").mkdir()


def with_a_program(folder):
    """Pillow goes by content, and would have Ghostscript run it."""
    as_pictures(folder)
    program = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 12 12\n{} loop\n"
    (folder / "two" / "002.png").write_text(program, encoding="utf-8")


def twice(folder):
    whole(folder)
    np.save(folder / "images_old.npy", IMAGES[::-1])


def with_header(folder, version, text):
    np.save(folder / "labels.npy", LABELS)
    length = len(text).to_bytes(4 if version > 1 else 2, "little")
    content = b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + IMAGES.tobytes()
    (folder / "images.npy").write_bytes(content)


def with_a_bad_header(folder):
    with_header(folder, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (200, 12, 12)")


def with_a_huge_header(folder):
    with_header(folder, 2, "{'descr': '|u1', 'fortran_order': False, 'shape': (200, 12, 12), }\n")


def with_a_negative_shape(folder):
    with_header(folder, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }\n")


def locked(folder):
    np.savez(folder / "train.npz", images=IMAGES, labels=LABELS)
    content = bytearray((folder / "train.npz").read_bytes())
    for head, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flag of each member, in both places
        place = -1
        while (place := content.find(head, place + 1)) >= 0:
            content[place + at] |= 1
    (folder / "train.npz").write_bytes(content)


def names_that_are_code(folder):
    whole(folder)
    (folder / "names.txt").write_text("\n".join(["<b>zero</b>", *NAMES[1:]]), encoding="utf-8")


def names_without_end(folder):
    whole(folder)
    with open(folder / "names.txt", "wb") as file:
        file.truncate(2**30)


def a_pipe(folder):
    folder.rmdir()
    os.mkfifo(folder)


BAD = {
    "eleven classes": (lambda f: whole(f, labels=np.arange(200) % 11), "of 11 classes, from 0"),
    "a class is missing": (lambda f: whole(f, labels=LABELS % 9), "of which 9 is missing"),
    "labels from one": (lambda f: whole(f, labels=LABELS + 1), "from 1 to 10.*which 0 is missing"),
    "labels as words": (
        lambda f: whole(f, labels=np.array(NAMES)[LABELS]),
        "as zero, one, two.*names.txt",
    ),
    "labels one-hot": (lambda f: whole(f, labels=np.eye(10)[LABELS]), r"float64 \[200, 10\]"),
    "fewer images than labels": (lambda f: whole(f, IMAGES[:199]), "199 images and 200 labels"),
    "two of a class": (lambda f: whole(f, IMAGES[:20], LABELS[:20]), "2 images of class 0"),
    "beyond fractions": (lambda f: whole(f, IMAGES / 100), "from 0 to 2.55; fractions"),
    "negative": (lambda f: whole(f, IMAGES.astype(int) - 9), "from -9 to 246"),
    "no number": (with_nan, "no finite number"),
    "colours": (lambda f: whole(f, np.zeros((200, 12, 12, 3), "uint8")), r"\[200, 12, 12, 3\]"),
    "large": (lambda f: whole(f, np.zeros((200, 99, 99), "uint8")), "4 to 4,096 pixels"),
    "none": (lambda f: whole(f, IMAGES[:0], LABELS[:0]), r"\[0, 12, 12\]"),
    "objects": (lambda f: whole(f, np.array([IMAGES[0], None], object)), "pickled objects"),
    "cut short": (cut_short, "images.npy .* truncated"),
    "pictures of two sizes": (other_sizes, "12 x 12 and 13 x 12 .two/999.png"),
    "parts of two sizes": (other_sizes_of_parts, "train 12 x 12.* test 11 x 12"),
    "a picture that is none": (with_text, "two/002.png: cannot identify"),
    "a large picture": (with_a_poster, "two/002.png: it has 3000 x 3000"),
    "an empty folder": (with_an_empty_folder, "ten holds no picture"),
    "a program for a picture": (with_a_program, "two/002.png: cannot identify"),
    "eleven folders": (one_folder_more, "11 folders of pictures"),
    "twice the same": (twice, "images and images_old may be the same"),
    "all alike": (lambda f: whole(f, np.full((200, 12, 12), 7)), "7 everywhere"),
    "a bad header": (with_a_bad_header, "images.npy is not as it should be"),
    "a huge header": (with_a_huge_header, r"NumPy's version \(2, 0\)"),
    "a negative shape": (with_a_negative_shape, r"its shape is \(-1,\)"),
    "a locked archive": (locked, "is encrypted"),
    "names that are code": (names_that_are_code, "among them '<b>zero</b>'"),
    "names that never end": (names_without_end, "names.txt .*too long"),
    "a pipe": (a_pipe, "neither a folder nor an .npz"),
    "images alone": (without_labels, "images without labels"),
    "training alone": (train_alone, "parts are train; expected train and test"),
    "nine names": (names_of_nine, "not ten"),
    "nothing": (lambda f: None, "it holds nothing"),
    "other names": (lambda f: np.save(f / "image.npy", IMAGES), "it holds image.npy: no images"),
    "no folder": (lambda f: f.rmdir(), "not there, seen from"),
}


@pytest.mark.parametrize("make, said", BAD.values(), ids=[*BAD])
def test_what_is_wrong_is_said_in_a_paragraph(tmp_path, make, said):
    folder = tmp_path / "mine"
    folder.mkdir()
    make(folder)
    with pytest.raises(data.DataError, match=said) as caught:
        data.load(f"folder:{folder}")
    message = str(caught.value)
    assert str(folder) in message and "Expected" in message and "\n" not in message
    assert len(message) < 1_000


@pytest.mark.parametrize("claimed", [(10**6, 64, 64), (10**9,)])
def test_a_file_that_unpacks_to_very_much_is_not_unpacked(tmp_path, claimed):
    head = io.BytesIO()
    form = {"descr": "|u1", "fortran_order": False, "shape": claimed}
    np.lib.format.write_array_header_1_0(head, form)
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", head.getvalue() + bytes(10**7))
    tracemalloc.start()
    with pytest.raises(data.DataError, match="too long.*at most 536,870,912"):
        data.load(str(path))
    assert tracemalloc.get_traced_memory()[1] < own.LARGEST / 10
    tracemalloc.stop()


def test_what_is_no_archive_is_refused(tmp_path):
    for content in (b"", b"hello", gzip.compress(b"hello")):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(data.DataError, match="x.npz cannot be used: .*not a zip"):
            data.load(str(tmp_path / "x.npz"))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("run.py", "print('hello')")
    with pytest.raises(data.DataError, match="holds 'run.py', expected arrays"):
        data.load(str(tmp_path / "x.npz"))
