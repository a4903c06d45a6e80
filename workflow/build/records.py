"""What outputs were made from, by content: the clock may be wrong, a file written anew the same.

A record is a JSON file beside the log. It holds the sha256 of every input and output, by path, and
whatever else is worth keeping.
"""

import hashlib
import json
from pathlib import Path

from regularization.results import files


def hashes(paths):
    """Return the sha256 of files by their paths; None for one that is not there."""
    return {path: _hash(Path(path)) for path in sorted(map(str, paths))}


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def write(path, inputs, outputs=(), **more):
    """Write a record of `inputs`, as `hashes` gave them before the work, and of the outputs."""
    known = {"inputs": inputs, "outputs": hashes(outputs)}
    files.write(path, json.dumps(known | more, indent=1) + "\n")


def is_current(path, inputs=None):
    """Return whether all that a record names is as it says; and is the `inputs`, if given."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = [record["inputs"], record["outputs"]]
        as_known = all(hashes(each) == each for each in known)
    except (OSError, ValueError, KeyError, TypeError):  # none, or not a whole one
        return False
    return as_known and inputs in (None, record["inputs"])


def used(path):
    """Return the names of the runs that the store was asked for, by its notes."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return sorted({json.loads(line)["key"] or "not kept" for line in lines})
