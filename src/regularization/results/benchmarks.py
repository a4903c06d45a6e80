"""The records of `make bench`: how fast the loop was, on which machine, beside which peers."""

import json
from pathlib import Path

SCHEMA = 2

#: What a record holds; `book`, without a C compiler `floor`, and on an accelerator `peers` may be
#: empty.
KEYS = dict.fromkeys(("date", "commit"), str)
KEYS |= dict.fromkeys(("machine", "versions", "work", "floor", "alike", "book"), dict)
KEYS |= dict.fromkeys(("peers", "techniques", "replicas", "batch_size", "steps", "programs"), list)


def load(folder):
    """Return the records in a folder, a list of dicts; the first is of a CPU.

    Those of CPUs come first, then those of the default backend, then the newest. Raises ValueError
    for a file that is not a record of this schema, and where there is no record of a CPU.
    """
    records = [_read(path) for path in sorted(Path(folder).glob("*.json"))]
    records.sort(key=lambda record: record["date"], reverse=True)
    records.sort(key=lambda r: (r["machine"]["device"] != "CPU", r["work"]["backend"] == "jax"))
    if not records or records[0]["machine"]["device"] != "CPU":
        raise ValueError(
            f"{folder} holds no record of a CPU. Expected one at least, <machine>.json. "
            "Run `make bench` to make one of this machine."
        )
    return records


def in_page(folder):
    """Return the newest record of the page's own training, which bench/living.js keeps in a folder.

    Raises ValueError where there is none.
    """
    paths = sorted(Path(folder, "page").glob("*.json"))
    if not paths:
        raise ValueError(f"{folder}/page holds no record. Run `make bench` to make one.")
    return max(
        (json.loads(path.read_text(encoding="utf-8")) for path in paths), key=lambda r: r["date"]
    )


def processor(record):
    """Return what did the arithmetic, in words: the accelerator, or the processor."""
    machine = record["machine"]
    return machine["processor"] if machine["device"] == "CPU" else machine["device"]


def _read(path):
    renew = "Run `make bench` on that machine to renew it, or delete it."
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a benchmark record: {error}. {renew}") from error
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA:
        raise ValueError(f"{path} has schema {found!r}. Expected schema {SCHEMA}. {renew}")
    if wrong := [k for k, kind in KEYS.items() if not isinstance(record.get(k), kind)]:
        wrong = ", ".join(wrong)
        raise ValueError(f"{path} is not a benchmark record: missing or wrong: {wrong}. {renew}")
    return record
