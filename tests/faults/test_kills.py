"""Whatever is killed at whatever moment: the next `make book` ends as if nothing had been.

KILLS=200 python -m pytest tests/faults/test_kills.py kills more often; SEED= chooses others.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import miniature
import pytest

KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("SEED", "9"))
#: What is killed, by a word in its command: the whole workflow, a chapter's execution, the kernel
#: in which it trains, and the building of the pages.
VICTIMS = {
    "workflow": "workflow.build.book",
    "chapter": "workflow.build.execute",
    "training": "build/kernels.py",
    "site": "workflow.site.pages",
}

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes in /proc"),
]


def running(word, folder):
    """Return the processes of a miniature whose command has a word in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if word in (process / "cmdline").read_text(encoding="utf-8") and belongs(
                process, folder
            ):
                found.append(int(process.name))
        except OSError:  # it has just ended
            continue
    return found


def belongs(process, folder):
    """Return whether a process works in a folder, or below it."""
    return (process / "cwd").resolve().is_relative_to(folder)


def strike(folder, kind, within):
    """Begin a build and kill a kind of process `within` seconds of its coming; was there one?"""
    silent = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with subprocess.Popen(miniature.command(), cwd=folder, **silent) as build:
        came = None
        while build.poll() is None:
            victims = running(VICTIMS[kind], folder)
            came = came or (victims and time.monotonic())
            if victims and time.monotonic() - came > within:
                for victim in victims:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
                return True
            time.sleep(0.05)
    return False


@pytest.mark.apart
@pytest.mark.parametrize("book, kinds, kills", [
    ("whole", list(VICTIMS), KILLS),
    ("trained", ["training"], -(-KILLS // 5)),
])  # fmt: skip
def test_the_next_build_after_a_kill_ends_as_if_nothing_had_been(
    request, tmp_path, capsys, book, kinds, kills
):
    """Up to eight builds in a row are struck at random moments; then one is let go to its end.

    In the second book the chapters train, which is what is struck there.
    """
    undisturbed = request.getfixturevalue(book)
    expected = miniature.contents(undisturbed / "_build")
    records = (undisturbed / "_build" / "logs" / "techniques").glob("*.json")
    longest = max(json.loads(record.read_text(encoding="utf-8"))["seconds"] for record in records)
    folder = miniature.write(tmp_path / "book", trains=book == "trained")
    chosen, struck, left = random.Random(SEED), Counter(dict.fromkeys(kinds, 0)), 0
    while struck.total() < kills:
        if not left:
            left = chosen.randint(1, 8)
            miniature.spoil(folder, chosen)
        kind = min(kinds, key=struck.get)
        hit = strike(folder, kind, chosen.uniform(0, 1 if kind == "site" else longest))
        struck[kind] += hit
        left = left - 1 if hit else 0
        if left and struck.total() < kills:
            continue
        process = miniature.make(folder)
        assert process.returncode == 0, process.stdout + process.stderr
        assert miniature.contents(folder / "_build") == expected, struck
        assert not miniature.leftovers(folder / "_build"), struck
    with capsys.disabled():
        counts = ", ".join(f"{count} of the {kind}" for kind, count in struck.items())
        print(f"\n{struck.total()} kills at random moments (seed {SEED}): {counts}.")
