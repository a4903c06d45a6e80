"""Build the book: check the settings, get the data, then run what the Snakefile says, alone.

What an earlier build left unfinished, or what its sources have outgrown, is cleared away first.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path

from regularization.core import data
from regularization.results import files
from regularization.results.files import alone
from regularization.study import presets
from workflow.build import brought, contents, engine, folder, kernels, progress, records
from workflow.build.folder import claim
from workflow.build.safely import in_words


def main():
    """Build the book by the settings; stop with one paragraph if they cannot be met."""
    parser = argparse.ArgumentParser(description=__doc__)
    engine.add_arguments(parser)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--runs", default="", help="trained elsewhere: a folder, file or address")
    arguments = parser.parse_args()
    build = arguments.build
    try:
        presets.check(arguments.preset)
        engine.check(arguments.profile)
        folder.check(build)
        contents.pages(), contents.read("_config.yml")
        digits = data.load(arguments.dataset)
    except (ValueError, data.DataError) as error:
        sys.exit(str(error))
    settings = {
        "preset": arguments.preset,
        "dataset": data.located(arguments.dataset, digits),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
    }
    del digits
    with in_words("The book", build), alone(claim(build) / ".lock", f"the book in {build}"):
        if arguments.runs:
            try:
                held, fit = brought.fill(build / "runs", arguments.runs)
            except brought.Refused as error:
                sys.exit(str(error))
            print(f"{fit:,} of {held:,} runs were brought from {arguments.runs}.", flush=True)
        if aside := folder.make_room(build, settings):
            print(f"The book that stood there is kept in {aside}, until it is asked for again.")
        files.renew(build / "settings.json", json.dumps(settings, indent=1) + "\n")
        notes = ("*.now", ".*.now.*")  # of what was killed
        for note in (path for kind in notes for path in (build / "logs").rglob(kind)):
            note.unlink()
        forget_outdated(build)
        set_back(build)
        log = build / "logs" / "snakemake.log"
        # On a cluster a job's kernel begins on another machine.
        nodes = (
            contextlib.nullcontext() if arguments.profile else kernels.forked(settings["backend"])
        )
        with nodes, progress.shown(build, arguments.preset) as seen:
            done = engine.run(arguments, log)
            if not done and "older modification time" in log.read_text(encoding="utf-8"):
                set_back(build)  # the clock was, while the book was built
                done = engine.run(arguments, log)
    if not done:
        sys.exit(f"The book was not built. {engine.reason(log)}")
    trained, found = progress.counted(seen.notes)
    print(f"{trained:,} runs trained, {found:,} found.")
    print(f"The book is at {build}/html/index.html")


def forget_outdated(build):
    """Delete executed chapters that were not made from the files as they are, with their records;
    the site, as it is, waits for its next edition.

    Snakemake compares times. They mislead it where the clock was set back; and where a chapter was
    broken off, it puts the copy from before back as if it had been made just now.
    """
    site, executed, logs = build / "site.json", build / "executed", build / "logs"
    outdated = [path for path in logs.rglob("*.json") if not records.is_current(path)]
    for path in executed.rglob("*.ipynb"):
        if not records.is_current(logs / path.relative_to(executed).with_suffix(".json")):
            outdated.append(path)
    if outdated or not records.is_current(site):
        outdated.append(site)
    for path in outdated:
        path.unlink(missing_ok=True)


def set_back(build):
    """Set times that are ahead of the clock to now.

    Snakemake stops where an output, new as it is, seems to be older than what it was made from.
    """
    folders = [build, *map(Path, ("book", "src", "workflow", "bench"))]
    paths = [*Path().glob("*"), *(path for folder in folders for path in folder.rglob("*"))]
    now = time.time()
    for path in paths:
        if path.is_file() and path.stat().st_mtime > now:
            os.utime(path)


if __name__ == "__main__":
    main()
