"""Train a grid of models in independent jobs, and merge them into one table: `make sweep`."""

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import block
import engine
from safely import alone, in_words
from tqdm import tqdm

from regularization.core import data
from regularization.results import run as runs
from regularization.study import sweeps

TIMED = dict(steps=750, every=250)  # how long a technique is timed, before a sweep begins


def main():
    """Plan, say what it will cost, run what is missing, merge; one paragraph if that cannot be."""
    parser = argparse.ArgumentParser(description=__doc__)
    engine.add_arguments(parser)
    parser.add_argument("--config", type=Path, required=True, help="the sweep's file")
    parser.add_argument("--dataset", required=True)
    arguments = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"  # in the jobs, whose bars would lie over this one
    name = arguments.config.stem
    try:
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(
                f"{arguments.config} cannot name a table. Expected letters, digits, _ and - before "
                "its ending. Give the file another name."
            )
        digits = data.load(arguments.dataset)
        made_with = block.made_with(digits.name)
        blocks = {
            sweeps.name_of(each, **made_with): each
            for each in sweeps.read(arguments.config, digits)
        }
        folder = arguments.build / "sweeps" / name
        with in_words("The sweep", folder), alone(folder / ".lock", f"the sweep in {folder}"):
            table = run(arguments, folder, blocks, made_with, digits)
            path = arguments.build / "results" / f"{name}.csv"
            known = {"source_hash": runs.source_hash()}
            sweeps.write([row | known for row in table], path)
    except (ValueError, FloatingPointError, data.DataError) as error:
        sys.exit(str(error))
    print(f"{len(table):,} models are in {path}")


def run(arguments, folder, blocks, made_with, digits):
    """Train the blocks that are missing; return the rows of all, in the order of the file."""
    found = {name: finished(folder / f"{name}.csv", each) for name, each in blocks.items()}
    missing = {name: blocks[name] for name, table in found.items() if table is None}
    total = sum(len(each["seed"]) for each in blocks.values())
    if missing:
        for name, each in missing.items():
            with runs.replacing(folder / f"{name}.json") as temporary:
                temporary.write_text(json.dumps({"block": each, "made_with": made_with}))
        (folder / "blocks.txt").write_text("\n".join(missing))
        print(announced(arguments, total, missing, digits), flush=True)
        with progress(folder, blocks, missing):
            engine.run(arguments, folder / "snakemake.log", "workflow/sweep.smk", sweep=folder)
        found |= {name: finished(folder / f"{name}.csv", missing[name]) for name in missing}
        failed = [name for name, table in found.items() if table is None]
        if failed:
            raise ValueError(
                f"{len(failed)} of {len(blocks)} jobs did not end well, the first with: "
                f"{last_line(folder / f'{failed[0]}.log')} Expected a table of each. The logs are "
                f"in {folder}; run make sweep again to train what is missing."
            )
    return [row for table in found.values() for row in table]


def last_line(log):
    """Return what a job said last."""
    lines = log.read_text().split("\n") if log.is_file() else []
    return next((line for line in reversed(lines) if line.strip()), "nothing: it was never begun.")


def finished(path, asked):
    """Return the rows of a block that has been trained; of one that has not, or not whole, None."""
    expected = sweeps.described(asked)
    try:
        table = sweeps.read_table(path)
    except FileNotFoundError:
        return None
    except ValueError:
        table = []
    known = [{name: row.get(name) for name in expected[0]} for row in table]
    if known != expected:
        path.unlink()  # damaged
        return None
    return table


def announced(arguments, total, missing, digits):
    """Say what the missing blocks will cost, by timing each of their techniques for a moment."""
    models = sum(len(each["seed"]) for each in missing.values())
    kinds = {each["technique"]: each for each in missing.values()}
    spawned = multiprocessing.get_context("spawn")  # what timed leaves no threads, no memory
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        timed = {kind: pool.submit(time_of, each, digits) for kind, each in kinds.items()}
        timed = {kind: future.result() for kind, future in timed.items()}
    training = sum(
        timed[each["technique"]][0] * each["steps"] * len(each["seed"]) for each in missing.values()
    )
    beginning = sum(timed[each["technique"]][1] for each in missing.values())
    cores = os.cpu_count()
    seconds = training + beginning / min(arguments.jobs, len(missing))
    text = f"{total:,} models"
    text += f", of which {total - models:,} are trained already" if models < total else ""
    text += f"; {models:,} to train in {len(missing):,} jobs. "
    text += f"On this machine ({cores} cores) that takes about {minutes(seconds)}"
    return text + (", less on a cluster." if arguments.profile else ".")


def time_of(asked, digits):
    """Return the seconds of a model's step in a run of many, and of all that comes before."""
    start = time.perf_counter()
    columns = {name: asked[name][:16] for name in sweeps.ALONG}
    columns["values"] = {name: each[:16] for name, each in asked["values"].items()}
    steps = min(asked["steps"], TIMED["steps"])
    run = sweeps.train(asked | columns, digits, **TIMED | {"steps": steps})
    trained = run.seconds_per_step * steps * len(run.seeds)
    return run.seconds_per_step, time.perf_counter() - start - trained


def minutes(seconds):
    """Write a time as one reads it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


@contextlib.contextmanager
def progress(folder, blocks, missing):
    """Show a bar of the models that have been trained, by the tables that are there."""
    total, left = (sum(len(b["seed"]) for b in each.values()) for each in (blocks, missing))
    waiting = {folder / f"{name}.csv": len(each["seed"]) for name, each in missing.items()}
    over = threading.Event()
    with tqdm(total=total, initial=total - left, unit="model") as bar:

        def look():
            for path in [path for path in waiting if path.is_file()]:
                bar.update(waiting.pop(path))

        def watch():
            while not over.wait(1):
                look()

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()
            look()


if __name__ == "__main__":
    main()
