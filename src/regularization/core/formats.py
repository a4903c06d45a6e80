"""Files of images: IDX, NumPy's arrays. Whatever a file holds, it takes no more than is allowed."""

import gzip
import math
import struct
import textwrap
import zipfile

import numpy as np

#: What is raised of a damaged file: readers of them are not agreed on anything narrower.
UNREADABLE = Exception


def in_a_line(error):
    """Return what an error says, short and in one line, without what cannot be printed."""
    words = textwrap.shorten(str(error) or type(error).__name__, 400, placeholder=" ...")
    return "".join(sign if sign.isprintable() else "?" for sign in words).rstrip(".")


def content_of(path, largest):
    """Return the bytes of an IDX file, unpacked; of any other the first four.

    Raises ValueError where there are more than `largest`, UNREADABLE where it is damaged.
    """
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        head = file.read(4)
        # A few packed bytes may hold very many.
        content = head + (file.read(largest) if head[:2] == b"\0\0" else b"")
    if len(content) > largest:
        raise ValueError(f"it is too long: more than {largest} bytes")
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


def as_idx(array):
    """Return the bytes of the IDX file of an array of whole numbers from 0 to 255."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.astype("uint8").tobytes()


def read_npy(file, largest):
    """Return the array in an open file of NumPy's form `.npy`.

    Raises ValueError for pickled objects and for more than `largest` bytes, before they are read,
    and UNREADABLE where it is damaged.
    """
    version = np.lib.format.read_magic(file)
    if version != (1, 0):  # others are for headers that no image needs, of any length
        raise ValueError(f"it is of NumPy's version {version}, expected 1.0")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which could run any code; expected numbers")
    if min(shape, default=0) < 0:
        raise ValueError(f"its shape is {shape}")
    size = math.prod(shape) * dtype.itemsize
    if size > largest:
        raise ValueError(f"it is too long: {size:.4g} bytes, expected at most {largest:,}")
    content = file.read(size)
    if len(content) != size or file.read(1):
        word = "truncated" if len(content) < size else "too long"
        raise ValueError(f"it is {word}: expected {size:,} bytes after its header")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")


def read_npz(path, largest):
    """Return the arrays in a file of NumPy's form `.npz`, by name; raises as `read_npy` does."""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if "/." in f"/{member.filename}" or member.filename.startswith("__MACOSX"):
                continue  # what a Mac leaves beside each file
            if not member.filename.endswith(".npy"):
                raise ValueError(f"it holds {member.filename!a:.80}, expected arrays of NumPy")
            with archive.open(member) as file:
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise ValueError(f"it holds {name!a:.80} twice")
                try:
                    arrays[name] = read_npy(file, largest)
                except UNREADABLE as error:
                    raise ValueError(f"of its {name!a:.80}: {error}") from error
            largest -= arrays[name].nbytes
    return arrays
