"""The records of `make bench`: how fast the loop was, on which machine, beside which peers."""

import json
from pathlib import Path

SCHEMA = 1

#: What a record holds; `book` and, on an accelerator's record, `peers` may be empty.
KEYS = {
    "schema": int,
    "machine": dict,
    "versions": dict,
    "date": str,
    "commit": str,
    "work": dict,
    "floor": dict,
    "peers": list,
    "techniques": list,
    "replicas": list,
    "batch_size": list,
    "steps": list,
    "programs": list,
    "book": dict,
}


def load(folder):
    """Return the records in a folder, a list of dicts, those of CPUs first.

    Raises ValueError for a file that is not a record of this schema.
    """
    records = [_read(path) for path in sorted(Path(folder).glob("*.json"))]
    return sorted(records, key=lambda record: record["machine"]["device"] != "CPU")


def _read(path):
    renew = "Run `make bench` on that machine to renew it, or delete it."
    try:
        record = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not a benchmark record: {error}. {renew}") from error
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA:
        raise ValueError(f"{path} has schema {found!r}. Expected schema {SCHEMA}. {renew}")
    if wrong := [k for k, kind in KEYS.items() if not isinstance(record.get(k), kind)]:
        wrong = ", ".join(wrong)
        raise ValueError(f"{path} is not a benchmark record: missing or wrong: {wrong}. {renew}")
    return record
