"""Data sets that were published as four IDX files: from a folder, a cache, or a mirror.

The files may be packed or not and have any name: they are known by the sha256 of their content.
Keras's archive and tables of comma-separated numbers hold the same images in another form; they are
brought into that of IDX, and known by the same sum.
"""

import contextlib
import functools
import hashlib
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regularization.core.dataset import DataError, Unreachable
from regularization.core.formats import UNREADABLE, as_idx, content_of, parse_idx, read_npz

LARGEST = 47_040_016  # bytes of the largest file of MNIST and of its relatives, unpacked
TIMEOUT = (3, 30)  # seconds: to connect, and between two packets
PATIENCE = 300  # seconds that a file may take, so that no mirror drips for ever
KERAS = ("x_train", "y_train", "x_test", "y_test")  # of its archive, in the order of the files


@dataclass
class Published:
    """Where a published data set is found.

    `files` holds by name, training images and labels first, the sha256 of each of the four, packed
    and unpacked. `mirrors` are addresses of folders. `folders` are the names under which people
    keep the files in a folder of data sets, and `variable` is that of the environment that names a
    folder of this one alone.
    """

    title: str
    files: dict
    mirrors: tuple
    folders: tuple
    variable: str = ""

    def load(self):
        """Return training images and labels, test images and labels.

        Raises DataError for files that are not what they should be, Unreachable where there is no
        copy and none can be fetched.
        """
        variable, folder = self._given()
        if folder:
            return [self._read(file, folder, variable) for file in self.files]
        for folder in map(_keras().joinpath, ("", *self.folders)):
            with contextlib.suppress(DataError):  # what else lies there is Keras's business
                return [self._read(file, folder) for file in self.files]
        cache = self._fetched()
        return [self._read(file, cache) for file in self.files]

    def _given(self):
        """Return the variable that names a folder of these files, and the folder; or None."""
        if given := self.variable and os.environ.get(self.variable):
            return self.variable, Path(os.path.expanduser(given))
        if given := os.environ.get("DATA_DIR"):
            root = Path(os.path.expanduser(given))
            if not os.path.isdir(root):  # nor one whose name is too long for the system
                raise DataError(
                    f"DATA_DIR={root!s:.200} is not a folder. Expected one with a folder for each "
                    f"data set, as {self.folders[0]}. Create it, or leave DATA_DIR unset."
                )
            for folder in map(root.joinpath, self.folders):
                if folder.is_dir():
                    return "DATA_DIR", folder
        return None, None

    def _fetched(self):
        """Return the user's cache, filled if need be."""
        import pooch

        cache = Path(pooch.os_cache("seeing-regularization")) / self.folders[0]
        # Of a process that was killed, if no download is so old.
        for leftover in cache.glob("tmp*"):
            with contextlib.suppress(OSError):
                if time.time() - leftover.stat().st_mtime > 2 * PATIENCE:
                    leftover.unlink()
        for file in self.files:
            self._fetch(file, cache)
        return cache

    def _fetch(self, file, cache):
        """Download `file` into `cache`, checked, from the first mirror that has it.

        pooch writes to a temporary file and renames it, so two processes may ask at once.
        """
        import pooch
        import requests
        import urllib3

        reasons = []
        for mirror in self.mirrors:
            pooch.get_logger().setLevel("ERROR")
            try:
                return pooch.retrieve(
                    url=f"{mirror}{file}.gz",
                    known_hash=f"sha256:{self.files[file][0]}",
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
                raise self._unreachable(reason) from error
        raise self._unreachable("no mirror answers: " + ", ".join(reasons))

    def _unreachable(self, reason):
        packed = ", ".join(f"{file}.gz" for file in self.files)
        where = (
            f"a folder and set {self.variable}=folder"
            if self.variable
            else f"{self.folders[0]} in a folder and set DATA_DIR=folder"
        )
        return Unreachable(
            reason,
            f"{self.title} cannot be had: {reason}. Expected a network and room for it, or its "
            f"four files in a folder. Put {packed} into {where}, or ask for the stand-in with "
            "DATA=digits.",
        )

    def _read(self, file, folder, variable=""):
        """Return one of the files as an array, under whatever name; or say what is wrong."""
        otherwise = f"leave {variable} unset" if variable else "delete the folder"
        remedy = f"Put a fresh copy there, or {otherwise} to have it downloaded."
        expected = self.files[file][1]
        said = f"{variable}={folder!s:.200}" if variable == self.variable else f"{folder}"
        if not os.path.isdir(folder):
            raise DataError(
                f"{said} is not a folder. Expected one that holds {', '.join(self.files)}, gzipped "
                f"or not. {remedy}"
            )
        named = [path for path in (folder / f"{file}.gz", folder / file) if path.is_file()]
        held = sorted([*folder.iterdir(), *folder.glob("raw/*"), *folder.glob("*/raw/*")])
        # Other gzip programs pack other bytes, and browsers give other names: the content decides.
        for path in [*named, *(path for path in held if path.is_file())]:
            with contextlib.suppress(UNREADABLE):
                for content in self._contents(path, file):
                    if hashlib.sha256(content).hexdigest() == expected:
                        return parse_idx(content)
        if not named:
            names = ", ".join(str(path.relative_to(folder)) for path in held[:9]) or "nothing"
            raise DataError(
                f"{said} has no {file}.gz, under no other name either. It holds {names}"
                f"{', ...' if held[9:] else ''}. Expected all of {', '.join(self.files)}, gzipped "
                f"or not. {remedy}"
            )
        try:
            content = content_of(named[0], LARGEST)
            parse_idx(content)
        except UNREADABLE as error:
            raise DataError(
                f"{named[0]} is damaged: {error}. Expected an IDX file of {self.title}. {remedy}"
            ) from error
        raise DataError(
            f"{named[0]} is not {self.title}'s: its sha256 is "
            f"{hashlib.sha256(content).hexdigest()}, expected {expected}. {remedy}"
        )

    def _contents(self, path, file):
        """Return what may be a file's content in another file: bytes in the form of IDX."""
        place = [*self.files].index(file)
        if path.suffix == ".npz":
            return [as_idx(read_npz(path, 2 * LARGEST)[KERAS[place]])]
        if path.suffix == ".csv":
            return [as_idx(_table(path)[place % 2])]
        return [content_of(path, LARGEST)]


def _keras():
    """Return the folder in which Keras keeps its data sets. (KERAS_HOME is the book's own.)"""
    return Path("~/.keras/datasets").expanduser()


@functools.lru_cache(maxsize=2)  # each is asked for its images, and then for its labels
def _table(path):
    """Return images and labels of a table that has a label and an image's pixels in every row.

    So are they found at Kaggle and elsewhere, with a line of names above or without.
    """
    with open(path, encoding="utf-8") as file:
        above = not file.readline(10_000)[:1].isdigit()
    if path.stat().st_size > 4 * LARGEST:  # a number takes up to four bytes
        raise ValueError("it is too long")
    rows = np.loadtxt(path, "uint8", delimiter=",", skiprows=int(above), ndmin=2)
    side = math.isqrt(rows.shape[1] - 1)
    return rows[:, 1:].reshape(-1, side, side), rows[:, 0]


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
