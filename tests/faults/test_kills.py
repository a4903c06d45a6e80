"""Whatever is killed at whatever moment: the next `make book` ends as if nothing had been.

KILLS=200 python -m pytest tests/faults/test_kills.py kills more often; SEED= chooses others.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import miniature
import pytest

KILLS = int(os.environ.get("KILLS", "25"))
SEED = int(os.environ.get("SEED", "9"))
#: What is killed, by a word in its command: the whole workflow, a chapter's execution, the kernel
#: in which it trains, and the building of the pages.
VICTIMS = {
    "workflow": "workflow/build.py",
    "chapter": "workflow/execute.py",
    "training": "ipykernel_launcher",
    "site": "workflow/site.py",
}

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes in /proc")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The miniature, and how long its build takes where nothing is killed."""
    folder = miniature.write(tmp_path_factory.mktemp("undisturbed"))
    start = time.monotonic()
    process = miniature.make(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder, time.monotonic() - start


def running(word, folder):
    """Return the processes of a miniature whose command has a word in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if word in (process / "cmdline").read_text() and belongs(process, folder):
                found.append(int(process.name))
        except OSError:  # it has just ended
            continue
    return found


def belongs(process, folder):
    """Return whether a process works in a folder, or below it."""
    return (process / "cwd").resolve().is_relative_to(folder)


def test_the_next_build_after_a_kill_ends_as_if_nothing_had_been(undisturbed, tmp_path, capsys):
    """Each kill strikes one kind of process, once it is there and a random while has passed.

    One to four builds in a row are struck; then one is let go to its end.
    """
    whole, seconds = undisturbed
    chosen, struck = random.Random(SEED), Counter()
    folder = miniature.write(tmp_path / "book")
    expected, row = miniature.contents(whole / "_build"), 0
    for number in range(KILLS):
        kind = list(VICTIMS)[number % len(VICTIMS)]
        if row == 0:
            row = chosen.randint(1, 4)
            miniature.spoil(folder, chosen)
        with subprocess.Popen(
            miniature.command(),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as build:
            moment = None
            while build.poll() is None:
                victims = running(VICTIMS[kind], folder)
                if victims and moment is None:
                    longest = 1 if kind == "site" else seconds / 2
                    moment = time.monotonic() + chosen.uniform(0, longest)
                if victims and time.monotonic() > moment:
                    for victim in victims:
                        os.kill(victim, signal.SIGKILL)
                    struck[kind] += 1
                    break
                time.sleep(0.05)
            if kind == "workflow":
                build.kill()
        row -= 1
        if row and number < KILLS - 1:
            continue
        process = miniature.make(folder)
        assert process.returncode == 0, process.stdout + process.stderr
        assert miniature.contents(folder / "_build") == expected, (number, kind)
        assert not miniature.leftovers(folder / "_build"), (number, kind)
    with capsys.disabled():
        counts = ", ".join(f"{count} of the {kind}" for kind, count in struck.items())
        print(f"\n{struck.total()} kills at random moments (seed {SEED}): {counts}.")
    assert struck.total() >= 0.8 * KILLS
