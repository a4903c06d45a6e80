"""A data set: small grey images of ten classes in three parts, and what is to be said of them."""

import functools
import hashlib
from dataclasses import dataclass

import numpy as np

PARTS = ("train", "validation", "test")
CLASSES = 10  # of every data set: the book's pictures, and its training in the page, are of ten


class DataError(Exception):
    """The data asked for cannot be had as they should be; the message says what to do."""


class Unreachable(DataError):
    """No copy of a data set is on this machine, and none can be fetched, for a short `reason`."""

    def __init__(self, reason, message):
        """Keep the reason, for the one line that `auto` prints."""
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True)
class Card:
    """What is said of a data set, beside its images.

    `title` is its name in a sentence, `class_names` what its ten classes are called, `noun` what
    one image shows, in the singular and the plural. `form` says how a drawing becomes one of its
    images: how long the longer side of what is drawn is to be, in pixels ("box"), and what of it is
    laid in the middle ("centre": its "mass" or its "box"); None where there is nothing to draw.
    """

    title: str
    class_names: tuple = tuple(map(str, range(CLASSES)))
    noun: tuple = ("digit", "digits")
    form: dict | None = None
    licence: str = ""

    @property
    def listed(self):
        """The ten classes in a sentence: "the digits 0 to 9", "the classes T-shirt, ..."."""
        names, numbered = self.class_names, tuple(map(str, range(CLASSES)))
        said = "0 to 9" if names == numbered else f"{', '.join(names[:-1])} and {names[-1]}"
        return f"the {'digits' if self.noun[0] == 'digit' else 'classes'} {said}"


@dataclass(frozen=True, repr=False)
class DataSet:
    """Images `uint8 [n, height, width]` and labels `uint8 [n]` of ten classes, in three parts.

    A signal is an image of height 1.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    card: Card = Card("MNIST")

    def __repr__(self):
        """The name, and how many images each part has."""
        parts = self.train_labels, self.validation_labels, self.test_labels
        counts = " + ".join(f"{len(part):,}" for part in parts)
        return f"<DataSet {self.name}: {counts} images of {self.shape[0]} x {self.shape[1]}>"

    @functools.cached_property
    def hash(self):
        """A hash of all images and labels: data of one name may be fewer, or others."""
        digest = hashlib.sha256()
        for part in PARTS:
            for array in (getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")):
                digest.update(f"{array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    @property
    def shape(self):
        """Height and width of an image."""
        return self.train_images.shape[1:]

    @property
    def classes(self):
        """How many classes there are."""
        return CLASSES

    @property
    def names(self):
        """What the classes are called."""
        return self.card.class_names
