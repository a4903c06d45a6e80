"""Show a build at work: chapters, runs, steps a second, and the time that is left.

`python -m workflow.build.progress _build`, after a cold build, notes in published/steps.json how
many steps its pages trained.
"""

import contextlib
import json
import sys
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from workflow.build import contents

#: How many steps of models each page trains in a cold build, by preset: the way of a bar.
STEPS = Path(__file__).parents[2] / "published" / "steps.json"
SOON, MINUTE = 0.5, 60.0  # seconds between two looks, and between two lines in a log


class Progress:
    """What the notes in a build's logs say, of the pages that were made since it began."""

    def __init__(self, build, preset):
        """Begin to count."""
        self.logs, self.begun, self.told = build / "logs", time.time(), set()
        self.steps = {}
        with contextlib.suppress(OSError, ValueError, KeyError):
            self.steps = json.loads(STEPS.read_text(encoding="utf-8"))[preset]
        self.pages = contents.notebooks()

    def look(self):
        """Read the notes; return the pages that have been finished since the last look."""
        records = {page: self.logs / f"{page}.json" for page in self.pages}
        self.made = [page for page, path in records.items() if path.is_file()]
        paths = {page: self.logs / f"{page}.runs" for page in [*self.pages, "site"]}
        notes = {
            page: [*map(json.loads, path.read_text(encoding="utf-8").splitlines())]
            for page, path in paths.items()
            if self._is_new(path)
        }
        self.notes, self.at_work = [note for each in notes.values() for note in each], {}
        for page, path in paths.items():
            with contextlib.suppress(OSError, ValueError):
                self.at_work[page] = json.loads(
                    path.with_suffix(".now").read_text(encoding="utf-8")
                )
        fresh = {page for page in self.made if self._is_new(records[page])} - self.told
        self.told |= fresh
        now = sum(each["models"] * each["done"] for each in self.at_work.values())
        self.trained = now + trained_steps(self.notes)
        ahead = [page for page in self.pages if page not in self.made]
        begun = now + sum(trained_steps(notes.get(page, [])) for page in ahead)
        self.ahead = max(sum(self.steps.get(page, 0) for page in ahead) - begun, 0)
        return [
            (page, json.loads(records[page].read_text(encoding="utf-8"))["seconds"])
            for page in sorted(fresh)
        ]

    def _is_new(self, path):
        return path.exists() and path.stat().st_mtime > self.begun

    @property
    def left(self):
        """The seconds that are left, by the pace so far; None before it is known."""
        if not self.trained or not self.ahead:
            return None
        return (time.time() - self.begun) * self.ahead / self.trained

    def line(self):
        """Say in one line how far it is."""
        trained, found = counted(self.notes)
        said = f"{len(self.made)} of {len(self.pages)} chapters, {trained:,} runs trained, "
        said += f"{found:,} found"
        if self.at_work:
            said += f", {self.trained / (time.time() - self.begun):,.0f} steps a second"
        return said + (f", about {minutes(self.left)} left" if self.left else "")

    def block(self):
        """Return what a terminal shows: the line, a bar over the steps, what each job is at."""
        table = Table.grid(padding=(0, 1))
        table.add_row(self.line())
        if self.ahead:
            table.add_row(ProgressBar(self.trained + self.ahead, self.trained, width=60))
        for page, now in self.at_work.items():
            table.add_row(f"{page}: {now['what']} ({now['done']:,} are done)")
        return table


def counted(notes):
    """Return how many runs were trained, and how many were found and nothing else."""
    trained = {note["key"] or id(note) for note in notes if note["trained"]}
    return len(trained), len({note["key"] for note in notes if note["key"]} - trained)


def minutes(seconds):
    """Write a time as one reads it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


@contextlib.contextmanager
def shown(build, preset):
    """Show a build's progress until the block ends: on a terminal, or a line a minute in a log."""
    progress, last = Progress(build, preset), time.monotonic()
    console, live = Console(highlight=False, soft_wrap=True), None
    if console.is_terminal:
        live = Live(console=console, auto_refresh=False, transient=True)

    def look():
        nonlocal last
        for page, seconds in progress.look():
            console.print(f"book/{page}.ipynb {seconds:.0f} s")
        if live:
            live.update(progress.block(), refresh=True)
        elif time.monotonic() - last > MINUTE:
            console.print(progress.line())
            last = time.monotonic()

    with live or contextlib.nullcontext(), watched(look, SOON):
        yield progress


@contextlib.contextmanager
def watched(look, seconds):
    """Call `look` every so many seconds until the block ends, and once more then."""
    over = threading.Event()

    def watch():
        while not over.wait(seconds):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        look()


def trained_steps(notes):
    """Return how many steps of models were taken, by notes."""
    return sum(note["steps"] for note in notes if note["trained"])


if __name__ == "__main__":
    build = Path(sys.argv[1])
    known = json.loads(STEPS.read_text(encoding="utf-8")) if STEPS.is_file() else {}
    notes = {page: build / "logs" / f"{page}.runs" for page in contents.notebooks()}
    known[json.loads((build / "settings.json").read_text(encoding="utf-8"))["preset"]] = {
        page: trained_steps(map(json.loads, path.read_text(encoding="utf-8").splitlines()))
        for page, path in notes.items()
        if path.is_file()
    }
    STEPS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
