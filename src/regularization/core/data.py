"""The digits: MNIST from a folder, the cache or a mirror, or scikit-learn's small stand-in.

MNIST is four IDX files, gzipped or not, known by the sha256 that its publisher's files have had
since 1998, and not by their names. `MNIST_DIR` names a folder that holds them.
"""

import contextlib
import functools
import gzip
import hashlib
import math
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NAMES = ("auto", "mnist", "digits")

#: The four files and the sha256 of each, as published (gzipped) and unpacked.
FILES = {
    "train-images-idx3-ubyte": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://systemds.apache.org/assets/datasets/mnist/",
)
LARGEST = 47_040_016  # bytes of the largest of the four, unpacked
TIMEOUT = (3, 30)  # seconds: to connect, and between two packets
PATIENCE = 300  # seconds that a file may take, so that no mirror drips for ever
UNREADABLE = (ValueError, EOFError, OSError, gzip.zlib.error)  # what is raised of a bad file
VALIDATION = 5_000  # the first training images, held back as in the post


class DataError(Exception):
    """The data asked for cannot be had as they should be; the message says what to do."""


@dataclass(frozen=True, repr=False)
class Digits:
    """Images `uint8 [n, height, width]` and labels `uint8 [n]` of ten classes, in three parts."""

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: int = 10

    def __repr__(self):
        """The name, and how many images each part has."""
        parts = self.train_labels, self.validation_labels, self.test_labels
        counts = " + ".join(f"{len(part):,}" for part in parts)
        return f"<Digits {self.name}: {counts} images of {self.shape[0]} x {self.shape[1]}>"

    @functools.cached_property
    def hash(self):
        """A hash of all images and labels: digits of one name may be fewer, or others."""
        digest = hashlib.sha256()
        for part in ("train", "validation", "test"):
            for array in (getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")):
                digest.update(f"{array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    @property
    def shape(self):
        """Height and width of an image."""
        return self.train_images.shape[1:]


def load(name="auto"):
    """Return the `Digits` called "mnist", "digits", or "auto": MNIST if it can be had, else digits.

    Raises ValueError for any other name, DataError for files that are not MNIST's and, unless the
    name is "auto", where no copy of MNIST can be reached.
    """
    if name not in NAMES:
        raise ValueError(
            f"There is no data set {name!r}. Expected one of {', '.join(NAMES)}: "
            "auto takes MNIST and, where it cannot be had, scikit-learn's digits."
        )
    if name == "digits":
        return _load_stand_in()
    try:
        folder = find_mnist()
    except Unreachable as error:
        if name == "mnist":
            raise
        print(f"MNIST cannot be had ({error.reason}); using scikit-learn's 8x8 digits instead.")
        return _load_stand_in()
    return _load_mnist(folder)


class Unreachable(DataError):
    """No copy of MNIST on this machine, and none can be fetched."""

    def __init__(self, reason):
        """Keep the short `reason`, for the one line that `auto` prints."""
        self.reason = reason
        super().__init__(
            f"MNIST cannot be had: {reason}. Expected a network and room for it, or its four files "
            f"in a folder. Put {', '.join(f'{file}.gz' for file in FILES)} into one and set "
            "MNIST_DIR=folder, or ask for the stand-in with DATA=digits."
        )


def find_mnist():
    """Return the folder with MNIST's files: MNIST_DIR, else the user's cache, filled if need be."""
    if folder := os.environ.get("MNIST_DIR"):
        return Path(os.path.expanduser(folder))
    import pooch

    cache = Path(pooch.os_cache("seeing-regularization")) / "mnist"
    for leftover in cache.glob("tmp*"):  # of a process that was killed, if no download is so old
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > 2 * PATIENCE:
                leftover.unlink()
    for file in FILES:
        _fetch(file, cache)
    return cache


def _fetch(file, cache):
    """Download `file` into `cache`, checked, from the first mirror that has it.

    pooch writes to a temporary file and renames it, so two processes may ask at once.
    """
    import pooch
    import requests
    import urllib3

    reasons = []
    for mirror in MIRRORS:
        pooch.get_logger().setLevel("ERROR")
        try:
            return pooch.retrieve(
                url=f"{mirror}{file}.gz",
                known_hash=f"sha256:{FILES[file][0]}",
                fname=f"{file}.gz",
                path=cache,
                downloader=_download,
            )
        except requests.HTTPError as error:
            reasons.append(f"{mirror} answers {error.response.status_code}")
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            reasons.append(f"{mirror} {type(error).__name__}")
        except ValueError:  # a wrong hash: pooch has already thrown the file away
            reasons.append(f"{mirror} sent another file")
        except OSError as error:
            reason = f"it cannot be kept in {cache}: {error}"
            raise Unreachable(reason) from error
    raise Unreachable("no mirror answers: " + ", ".join(reasons))


def _download(url, path, _):
    """Write what a mirror sends to `path`, unless it takes too long or sends too much.

    pooch's own downloader waits for whole chunks, and so for ever on a byte now and then.
    """
    import requests
    from tqdm.auto import tqdm

    end = time.monotonic() + PATIENCE
    with requests.get(url, stream=True, timeout=TIMEOUT) as answer, open(path, "wb") as file:
        answer.raise_for_status()
        total = int(answer.headers.get("Content-Length", 0)) or None
        with tqdm(total=total, unit="B", unit_scale=True, leave=False) as bar:
            while chunk := answer.raw.read1(2**16):
                bar.update(file.write(chunk))
                if time.monotonic() > end:
                    raise requests.Timeout(f"{url} took longer than {PATIENCE} s")
                if file.tell() > LARGEST:
                    raise ValueError(f"{url} sends more than {LARGEST} bytes")


def _load_mnist(folder):
    *train, test_images, test_labels = (_read_file(folder, file) for file in FILES)
    parts = slice(VALIDATION, None), slice(VALIDATION)
    split = (each[part] for part in parts for each in train)
    return Digits("mnist", *split, test_images, test_labels)


def _read_file(folder, file):
    """Return one of MNIST's files as an array, under whatever name; or say what is wrong."""
    remedy = "Put a fresh copy there, or leave MNIST_DIR unset to have it downloaded."
    if not folder.is_dir():
        raise DataError(
            f"MNIST_DIR={folder} is not a folder. Expected one that holds {', '.join(FILES)}, "
            f"gzipped or not. {remedy}"
        )
    named = [path for path in (folder / f"{file}.gz", folder / file) if path.is_file()]
    held = sorted([*folder.iterdir(), *folder.glob("MNIST/raw/*")])
    # Other gzip programs pack other bytes, and browsers give other names: the content decides.
    for path in [*named, *(path for path in held if path.is_file())]:
        with contextlib.suppress(*UNREADABLE):
            content = _content(path)
            if hashlib.sha256(content).hexdigest() == FILES[file][1]:
                return parse_idx(content)
    if not named:
        names = ", ".join(str(path.relative_to(folder)) for path in held[:9]) or "nothing"
        raise DataError(
            f"MNIST_DIR={folder} has no {file}.gz, under no other name either. It holds {names}"
            f"{', ...' if held[9:] else ''}. Expected all of {', '.join(FILES)}, gzipped or not. "
            f"{remedy}"
        )
    try:
        content = _content(named[0])
        parse_idx(content)
    except UNREADABLE as error:
        raise DataError(
            f"{named[0]} is damaged: {error}. Expected an IDX file of MNIST. {remedy}"
        ) from error
    raise DataError(
        f"{named[0]} is not MNIST's: its sha256 is {hashlib.sha256(content).hexdigest()}, expected "
        f"{FILES[file][1]}. {remedy}"
    )


def _content(path):
    """Return the bytes of an IDX file, unpacked; of any other the first four."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        head = file.read(4)
        # A few packed bytes may hold very many.
        content = head + (file.read(LARGEST) if head[:2] == b"\0\0" else b"")
    if len(content) > LARGEST:
        raise ValueError(f"it is too long: more than {LARGEST} bytes")
    return content


def parse_idx(content):
    """Return the uint8 array in the bytes of an IDX file; ValueError says what is wrong.

    Two zero bytes, the type (8 is uint8), the number of dimensions, each as a big-endian uint32,
    then the values. http://yann.lecun.com/exdb/mnist/
    """
    if len(content) < 4:
        raise ValueError(f"it is truncated: {len(content)} bytes, expected a header of 4")
    zero, kind, dimensions = struct.unpack(">HBB", content[:4])
    if (zero, kind) != (0, 8) or dimensions not in (1, 3):
        raise ValueError(
            f"its magic number is 0x{content[:4].hex()}, expected 0x00000801 or 0x00000803"
        )
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise ValueError(f"it is truncated: {len(content)} bytes, expected a header of {header}")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    expected = header + math.prod(shape)
    if len(content) != expected:
        word = "truncated" if len(content) < expected else "too long"
        raise ValueError(f"it is {word}: {len(content)} bytes, expected {expected}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _load_stand_in():
    """1,797 handwritten digits of 8x8 pixels that scikit-learn brings along, in their own order."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    parts = slice(1_257), slice(1_257, 1_437), slice(1_437, None)
    return Digits("digits", *(each[part] for part in parts for each in (images, labels)))
