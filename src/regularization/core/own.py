"""A reader's own data: small grey images of ten classes, from a folder or an `.npz`.

What is there is known by its name. `images.npy` and `labels.npy` are all images, `[n, height,
width]`, and their classes, numbers from 0 to 9: of each class seven in ten train, and the rest are
held back and tested on. Images in a row, `[n, 784]`, are square if that can be, and else signals.
`train_images`, `train_labels`, `test_images`, `test_labels` and, if one likes, `validation_images`
and `validation_labels` (else a tenth of the training images) stay what they are; so do `x_train`,
`y_train`, `x_test`, `y_test`. They may be arrays of one `.npz`, or of `train.npz` and `test.npz`,
or IDX files, `train-images-idx3-ubyte.gz`. Or there are ten folders of pictures, a class each, by
themselves or in `train` and `test`. `names.txt` has the classes' names, a line each.
"""

import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

from regularization.core.dataset import CLASSES, PARTS, Card, DataError
from regularization.core.formats import (
    UNREADABLE,
    content_of,
    in_a_line,
    parse_idx,
    read_npy,
    read_npz,
)

LARGEST = 512 * 2**20  # bytes of all arrays together, as they are read
LONGEST = 8 * 2**20  # bytes of a picture's file, or of names
MOST = 64 * 64  # pixels of an image: each has ten weights, and a page shows them all
FEWEST = 3  # images of a class, one for each part
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # of Pillow: grey or colours of eight bits
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF")  # Pillow knows others, some of which are programs
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
CALLED = {
    "train": ("train",),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "t10k"),
}
A_NAME = re.compile(r"[\w .,'()/+-]{1,30}")  # no other sign, as names stand in pages and formulas
EXPECTED = (
    "Expected ten classes in images.npy, [n, height, width], and labels.npy, numbers from 0 to 9; "
    "or train_images, train_labels, test_images and test_labels; either as arrays of one .npz; or "
    "ten folders of pictures. The README has more under A data set of your own."
)
EACH = "all"  # the part of what is yet to be divided


def is_own(name):
    """Return whether a name of data is that of a reader's own: "folder:path", or an `.npz`."""
    return isinstance(name, str) and (name.startswith("folder:") or name.endswith(".npz"))


def short(name):
    """Return the name under which a reader's own data are known, without the way to them."""
    return f"folder:{_path(name).resolve().name}"


def located(name):
    """Return the name of a reader's own data that holds from every folder."""
    path = str(_path(name).resolve())
    return f"folder:{path}" if name.startswith("folder:") else path


def read(name):
    """Return the `Card` of a reader's own data, and their three parts: images and labels of each.

    Raises DataError for whatever is wrong with them.
    """
    try:
        path = _path(name)
        if name == "folder:" or not path.exists():
            raise ValueError(f"it is not there, seen from {Path.cwd()}")
        if not (path.is_dir() or path.is_file() and path.suffix == ".npz"):
            raise ValueError("it is neither a folder nor an .npz")
        arrays, names = _arrays(path)
        found = _by_slot(arrays)
        if not found and path.is_dir():
            found, names = _pictures(path)
        if not found:
            held = ", ".join(arrays) or "nothing"
            raise ValueError(f"it holds {held}, and no images known by their names")
        known = [part for part in (EACH, *PARTS) if {(part, "images"), (part, "labels")} & {*found}]
        parts = _parts({part: _checked(found, part) for part in known})
        title = path.resolve().name.removesuffix(".npz")
        return Card(title, _checked_names(names), ("image", "images")), parts
    except UNREADABLE as error:
        where = name.removeprefix("folder:") or name
        raise DataError(f"{where:.200} cannot be used: {in_a_line(error)}. {EXPECTED}") from error


def _path(name):
    return Path(os.path.expanduser(name.removeprefix("folder:")))  # which no name is too odd for


def _arrays(path):
    """Return the arrays of an `.npz`, or of a folder's files, by name; and the classes' names."""
    arrays, names, left = {}, None, LARGEST
    for file in _files(path) if path.is_dir() else [path]:
        try:
            if file.name == "names.txt":
                names = _short(file).read_text(encoding="utf-8-sig").split("\n")
            elif file.suffix == ".npz":
                # Of train.npz the images are those of the training.
                of = f"{file.stem}_" if path.is_dir() and _part(file.stem) != EACH else ""
                arrays |= {of + key: array for key, array in read_npz(file, left).items()}
            elif file.suffix == ".npy" and (_slot(file.stem) or "names" in _words(file.stem)):
                with open(file, "rb") as opened:
                    arrays[file.stem] = read_npy(opened, left)
            elif "ubyte" in file.name and _slot(file.name):
                arrays[file.name] = parse_idx(content_of(file, left))
        except UNREADABLE as error:
            raise ValueError(f"{file.name} is not as it should be: {error}") from error
        left = LARGEST - sum(array.nbytes for array in arrays.values())
    for key, array in arrays.items():
        if "names" in _words(key) and array.dtype.kind in "SU":
            names = array.astype(str).ravel().tolist()
    return arrays, names


def _files(folder):
    """Return a folder's files in order, without those that are hidden."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")


def _short(file):
    """Return a file; ValueError if it is long."""
    if file.stat().st_size > LONGEST:
        raise ValueError(f"it is too long: more than {LONGEST:,} bytes")
    return file


def _words(name):
    return {*re.split(r"[^a-z0-9]+", name.lower())}


def _part(name):
    """Return the part that a name says; `EACH` if none, None if several."""
    said = [part for part, known in CALLED.items() if {*known} & _words(name)]
    return (said or [EACH])[0] if len(said) < 2 else None


def _slot(name):
    """Return of which part an array is, and whether images or labels; None for any other."""
    kinds = {"images": ("images", "x", "idx3"), "labels": ("labels", "y", "targets", "idx1")}
    kind, part = [kind for kind, known in kinds.items() if {*known} & _words(name)], _part(name)
    return (part, kind[0]) if len(kind) == 1 and part else None


def _by_slot(arrays):
    """Return the arrays by what their names say they are; ValueError where two say the same."""
    called = {}
    for name in filter(_slot, arrays):
        if other := called.get(_slot(name)):
            raise ValueError(f"{other} and {name} may be the same: leave one of them there")
        called[_slot(name)] = name
    return {slot: arrays[name] for slot, name in called.items()}


def _pictures(path):
    """Return what folders of pictures hold by part and kind, and the classes' names."""
    folders = ((part, path / name) for part, names in CALLED.items() for name in names)
    parts = {part: folder for part, folder in folders if folder.is_dir()} or {EACH: path}
    found, names = {}, None
    for part, folder in parts.items():
        classes = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] not in "._")
        if names not in (None, [each.name for each in classes]):
            other = ", ".join(each.name for each in classes)
            raise ValueError(f"its {part} has the classes {other}, not {', '.join(names)}")
        names = [each.name for each in classes]
        if not names:
            held = ", ".join(sorted(each.name for each in folder.iterdir())[:9]) or "nothing"
            raise ValueError(f"it holds {held}: no images known by their names, and no folders")
        if len(names) != CLASSES:
            said = ", ".join(names[:12])
            raise ValueError(f"it has {len(names)} folders of pictures, not ten: {said}")
        images, labels = [], []
        for label, each in enumerate(classes):
            pictures = [file for file in _files(each) if file.suffix.lower() in ENDINGS]
            if not pictures:
                raise ValueError(
                    f"{each.name} holds no picture, with an ending {', '.join(ENDINGS)}"
                )
            for file in pictures:
                images.append(_picture(file))
                labels.append(label)
                if images[-1].shape != images[0].shape:
                    sizes = " and ".join("{} x {}".format(*images[i].shape) for i in (0, -1))
                    raise ValueError(
                        f"its pictures differ in size: {sizes} ({each.name}/{file.name})"
                    )
                if len(images) * images[0].size > LARGEST:
                    raise ValueError(f"it is too much: over {LARGEST:,} pixels")
        found |= {(part, "images"): np.array(images), (part, "labels"): np.array(labels)}
    return found, names


def _picture(file):
    """Return a picture in grey, `[height, width]`."""
    try:
        with Image.open(_short(file), formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > MOST:
                raise ValueError(f"it has {height} x {width} pixels, more than {MOST:,}")
            if opened.mode not in MODES:
                raise ValueError(f"its kind is {opened.mode}, not eight bits a pixel")
            if opened.has_transparency_data:  # what lies behind it is white
                white = Image.new("RGBA", opened.size, "white")
                opened = Image.alpha_composite(white, opened.convert("RGBA"))
            return np.asarray(opened.convert("L"))
    except UNREADABLE as error:
        raise ValueError(f"{file.parent.name}/{file.name}: {error}") from error


def _checked(found, part):
    """Return a part's images as uint8 `[n, height, width]` and its labels; ValueError if not so."""
    said = "" if part == EACH else f"{part} "
    for kind, other in (("images", "labels"), ("labels", "images")):
        if (part, kind) not in found:
            raise ValueError(f"it has {said}{other} without {said}{kind}")
    images, labels = _grey(found[part, "images"], said), found[part, "labels"]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        labels = labels.astype(int) if labels.ndim == 1 else labels
    if labels.dtype.kind not in "iub" or labels.ndim != 1:
        some = ", ".join(str(each)[:20] for each in labels.ravel()[:3])
        raise ValueError(
            f"its {said}labels are not whole numbers in a row, but {labels.dtype} "
            f"{list(labels.shape)}, as {some}: number the classes, and put words into names.txt"
        )
    if len(images) != len(labels):
        raise ValueError(f"it has {len(images):,} {said}images and {len(labels):,} labels")
    seen = np.unique(labels).tolist()
    if seen != [*range(CLASSES)]:
        count = f"{len(seen)} classes, from {seen[0]} to {seen[-1]}" if seen else "none"
        missing = ", ".join(str(c) for c in range(CLASSES) if c not in seen)
        raise ValueError(
            f"its {said}labels are of {count}; expected 0 to 9"
            f"{f', of which {missing} is missing' if missing else ''}"
        )
    return images, labels.astype("uint8")


def _grey(images, said):
    """Return images as uint8 `[n, height, width]`; ValueError if they are none."""
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim == 2:  # signals, or images in a row
        side = round(images.shape[1] ** 0.5)
        square = side > 7 and side**2 == images.shape[1]
        images = images.reshape(len(images), *((side, side) if square else (1, -1)))
    if images.ndim != 3 or not 4 <= images[0:1].size <= MOST:
        raise ValueError(
            f"its {said}images are {list(images.shape)}, not grey ones of 4 to {MOST:,} pixels"
        )
    if images.dtype.kind not in "iubf":
        raise ValueError(f"its {said}images are {images.dtype}, not numbers")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise ValueError(f"its {said}images hold what is no finite number")
    most = {"f": 1, "b": 1}.get(images.dtype.kind, 255)
    low, high = images.min(), images.max()
    if low == high:
        raise ValueError(f"its {said}images are {low:g} everywhere")
    near = 1e-3 if images.dtype.kind == "f" else 0  # fractions are rounded
    if low < -near or high > most + near:
        raise ValueError(
            f"its {said}images go from {low:g} to {high:g}; fractions go from 0 to 1, whole "
            "numbers from 0 to 255"
        )
    if images.dtype.kind == "f":
        images = np.round(255 * images.astype("float32").clip(0, 1))
    return images.astype("uint8") * np.uint8(255 if images.dtype.kind == "b" else 1)


def _parts(found):
    """Return training, validation and test images and labels, dealt out if need be."""
    shapes = {part: images.shape[1:] for part, (images, _) in found.items()}
    if len({*shapes.values()}) > 1:
        said = ", ".join(f"{part} {height} x {width}" for part, (height, width) in shapes.items())
        raise ValueError(f"its parts differ in size: {said}")
    if [*found] == [EACH]:
        train, held, test = _dealt(*found[EACH], (0.7, 0.85))
    elif {"train", "test"} <= {*found} <= {*PARTS}:
        test = found["test"]
        train, held = (
            (found["train"], found["validation"])
            if "validation" in found
            else _dealt(*found["train"], (0.9,))
        )
    else:
        known = ", ".join("images of no part" if part == EACH else part for part in found)
        raise ValueError(f"its parts are {known}; expected train and test, and maybe validation")
    return train, held, test


def _dealt(images, labels, shares):
    """Return images and labels in parts that end at these shares, of each class alike, shuffled."""
    rng, parts = np.random.default_rng(0), [[] for _ in range(len(shares) + 1)]
    for label in range(CLASSES):
        own = rng.permutation(np.flatnonzero(labels == label))
        if len(own) < FEWEST:
            raise ValueError(f"it has {len(own)} images of class {label}, fewer than {FEWEST}")
        ends = [
            min(max(i + 1, round(share * len(own))), len(own) - len(shares) + i)
            for i, share in enumerate(shares)
        ]
        for part, of_class in zip(parts, np.split(own, ends), strict=True):
            part.append(of_class)
    order = [rng.permutation(np.concatenate(part)) for part in parts]
    return [(images[each], labels[each]) for each in order]


def _checked_names(names):
    """Return the ten names of the classes; by default their numbers."""
    names = [name.strip() for name in map(str, names or range(CLASSES)) if name.strip()]
    bad = [name for name in names if not A_NAME.fullmatch(name)]
    if bad or len(names) != CLASSES or len({*names}) != CLASSES:
        wrong = f"among them {bad[0]!a:.80}" if bad else "not ten"
        raise ValueError(
            f"its {len(names)} names of classes are {', '.join(names)[:200] or 'none'}, {wrong}: "
            "expected ten, all different, of up to 30 letters, digits, spaces and .,'()/+-"
        )
    return tuple(names)
