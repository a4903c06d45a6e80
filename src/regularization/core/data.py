"""The data sets by name: `load("mnist")`. Another is an entry in SETS, and no change elsewhere.

MNIST is the book's. `DATA_DIR` names a folder with a folder for each data set, `MNIST_DIR` the one
of MNIST alone.
"""

import contextlib
import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from regularization.core import own
from regularization.core.dataset import Card, DataError, DataSet, Unreachable
from regularization.core.published import Published

VALIDATION = 5_000  # the first training images, held back as in the post

MNIST = Published(
    "MNIST",
    {
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
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://systemds.apache.org/assets/datasets/mnist/",
    ),
    folders=("mnist", "MNIST"),
    variable="MNIST_DIR",
)
#: Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747.
FASHION_MNIST = Published(
    "Fashion-MNIST",
    {
        "train-images-idx3-ubyte": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        "train-labels-idx1-ubyte": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        "t10k-images-idx3-ubyte": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        "t10k-labels-idx1-ubyte": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    },
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    folders=("fashion-mnist", "fashion", "FashionMNIST"),
)


class Source(NamedTuple):
    """What is said of a data set, and a function that returns its three parts: images, labels."""

    card: Card
    parts: Callable


def load(name="auto"):
    """Return the `DataSet` of a name of SETS, of a reader's own files, or "auto".

    A reader's own are "folder:path", or the path of an `.npz`, as `own` reads them; "auto" is MNIST
    if it can be had, and else scikit-learn's digits.

    Raises ValueError for any other name, DataError for files that are not what they should be and,
    unless the name is "auto", where no copy can be had.
    """
    if name not in NAMES and not own.is_own(name):
        raise ValueError(
            f"There is no data set {name!r}. Expected one of {', '.join(NAMES)}, folder:path for a "
            "folder of your own, or the path of an .npz: auto takes MNIST and, where it cannot be "
            "had, scikit-learn's digits."
        )
    if name == "auto":
        try:
            return load("mnist")
        except Unreachable as error:
            print(f"MNIST cannot be had ({error.reason}); using scikit-learn's 8x8 digits instead.")
            return load("digits")
    if own.is_own(name):
        card, parts = own.read(name)
        name = own.short(name)
    else:
        card, parts = SETS[name].card, SETS[name].parts()
    return DataSet(name, *(array for part in parts for array in part), card)


def title(name):
    """Return how a data set is called in a sentence."""
    return SETS[name].card.title if name in SETS else own.short(name).removeprefix("folder:")


def located(name, digits):
    """Return the name under which `digits`, loaded by `name`, can be loaded from anywhere."""
    return own.located(name) if own.is_own(name) else digits.name


def _held_back(published):
    """Return the three parts of a published data set, validation being its first images."""

    def parts():
        images, labels, *test = published.load()
        kept, held = slice(VALIDATION, None), slice(VALIDATION)
        return (images[kept], labels[kept]), (images[held], labels[held]), test

    return parts


def _digits():
    """1,797 handwritten digits of 8x8 pixels that scikit-learn brings along, in their own order."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    parts = slice(1_257), slice(1_257, 1_437), slice(1_437, None)
    return [(images[part], labels[part]) for part in parts]


def _mnist1d():
    """Greydanus's MNIST-1D (2020, arXiv:2011.14439), as its package makes it from its seed.

    5,000 signals of 40 numbers, of mean 0 and variance 1. Here they are images of height 1: the
    middle of the grey is zero, and black and white are four standard deviations away, which a
    few numbers in ten thousand exceed. Of its 4,000 training signals the first 500 are held back.
    """
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError as error:
        raise Unreachable(
            "the package mnist1d is not installed",
            "MNIST-1D cannot be had: the package mnist1d is not installed. Expected it beside the "
            "other packages. Install it with pip install mnist1d.",
        ) from error
    with _generators_kept():
        made = make_dataset(get_dataset_args())

    def part(end, where):
        signals = made[f"x{end}"][where, None, :]
        grey = np.round(127.5 + signals * (127.5 / 4)).clip(0, 255).astype("uint8")
        return grey, made[f"y{end}"][where].astype("uint8")

    return [part("", slice(500, None)), part("", slice(500)), part("_test", slice(None))]


@contextlib.contextmanager
def _generators_kept():
    """Leave Python's and NumPy's global generators as they were to all others."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


GARMENTS = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag")
#: A drawing is made one of MNIST's digits as LeCun et al. (1998, section III.A) tell it.
SETS = {
    "mnist": Source(
        Card("MNIST", form={"box": 20, "centre": "mass"}, licence="CC-BY-SA-3.0"),
        _held_back(MNIST),
    ),
    "digits": Source(
        Card("scikit-learn's 8x8 digits", form={"box": 8, "centre": "box"}, licence="CC-BY-4.0"),
        _digits,
    ),
    "fashion": Source(
        Card(
            "Fashion-MNIST",
            (*GARMENTS, "ankle boot"),
            ("garment", "garments"),
            {"box": 28, "centre": "box"},
            "MIT",
        ),
        _held_back(FASHION_MNIST),
    ),
    "mnist1d": Source(Card("MNIST-1D", noun=("signal", "signals"), licence="Apache-2.0"), _mnist1d),
}
NAMES = ("auto", *SETS)
__all__ = [
    "NAMES",
    "SETS",
    "Card",
    "DataError",
    "DataSet",
    "Unreachable",
    "load",
    "located",
    "title",
]
