"""Train a grid of models in independent jobs, and merge them into one table: `make sweep`."""

import argparse
import json
import multiprocessing
import os
import re
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import dependencies
import engine
import records
from safely import alone, in_words
from tqdm import tqdm

from regularization import data, sweeps
from regularization.runs import replacing

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
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
        blocks = plan(sweeps.read(arguments.config, digits), digits)
        folder = arguments.build / "sweeps" / name
        with in_words("The sweep", folder), alone(folder / ".lock", f"the sweep in {folder}"):
            table = run(arguments, folder, blocks, digits)
            path = arguments.build / "results" / f"{name}.csv"
            sweeps.write(table, path)
    except (ValueError, data.DataError) as error:
        sys.exit(str(error))
    print(f"{len(table):,} models are in {path}")


def plan(blocks, digits):
    """Return the blocks by names that change with anything that their models depend on."""
    hashes = records.hashes(dependencies.of_module("sweeps"))
    made_with = dict(dataset=digits.name, backend=BACKEND, sources=hashes)
    return {sweeps.name_of(block, **made_with): block for block in blocks}


def run(arguments, folder, blocks, digits):
    """Train the blocks that are missing; return the rows of all, in the order of the file."""
    found = {name: finished(folder / f"{name}.csv", block) for name, block in blocks.items()}
    missing = {name: blocks[name] for name, table in found.items() if table is None}
    total = sum(len(block["seed"]) for block in blocks.values())
    if missing:
        for name, block in missing.items():
            with replacing(folder / f"{name}.json") as temporary:
                temporary.write_text(json.dumps({"block": block, "dataset": digits.name}))
        (folder / "blocks.txt").write_text("\n".join(missing))
        print(announced(arguments, total, missing, digits), flush=True)
        with Progress(folder, blocks, missing):
            engine.run(arguments, "workflow/sweep.smk", sweep=folder)
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


def finished(path, block):
    """Return the rows of a block that has been trained; of one that has not, or not whole, None."""
    try:
        table = sweeps.read_table(path)
        trained = [[row.get(name) for name in sweeps.ALONG] for row in table]
    except FileNotFoundError:
        return None
    except ValueError:
        trained = None
    if trained != [*map(list, zip(*(block[name] for name in sweeps.ALONG), strict=True))]:
        path.unlink()  # damaged
        return None
    return table


def announced(arguments, total, missing, digits):
    """Say what the missing blocks will cost, by timing each of their techniques for a moment."""
    models = sum(len(block["seed"]) for block in missing.values())
    kinds = {block["technique"]: block for block in missing.values()}
    spawned = multiprocessing.get_context("spawn")  # what timed leaves no threads, no memory
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        timed = {kind: pool.submit(time_of, block, digits) for kind, block in kinds.items()}
        timed = {kind: future.result() for kind, future in timed.items()}
    training = sum(
        timed[block["technique"]][0] * block["steps"] * len(block["seed"])
        for block in missing.values()
    )
    beginning = sum(timed[block["technique"]][1] for block in missing.values())
    cores = os.cpu_count()
    alone = training + beginning / min(arguments.jobs, len(missing))
    text = f"{total:,} models"
    text += f", of which {total - models:,} are trained already" if models < total else ""
    text += f"; {models:,} to train in {len(missing):,} jobs. "
    text += f"On this machine ({cores} cores) that takes about {minutes(alone)}"
    return text + (", on a cluster the less." if arguments.profile else ".")


def time_of(block, digits):
    """Return the seconds of a model's step in a run of many, and of all that comes before."""
    start = time.perf_counter()
    columns = {name: value[:16] for name, value in block.items() if isinstance(value, list)}
    run = sweeps.train(block | columns, digits, **TIMED)
    trained = run.seconds_per_step * TIMED["steps"] * len(run.seeds)
    return run.seconds_per_step, time.perf_counter() - start - trained


def minutes(seconds):
    """Write a time as one reads it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


class Progress:
    """A bar of the models that have been trained, by the tables that are there."""

    def __init__(self, folder, blocks, missing):
        """Count `blocks`; those not in `missing` are there."""
        total, left = (sum(len(b["seed"]) for b in each.values()) for each in (blocks, missing))
        self.bar = tqdm(total=total, initial=total - left, unit="model")
        self.waiting = {folder / f"{name}.csv": len(b["seed"]) for name, b in missing.items()}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        """Look every second."""
        while not self.over.wait(1):
            self.look()

    def look(self):
        """Count the tables that have come since."""
        for path in [path for path in self.waiting if path.is_file()]:
            self.bar.update(self.waiting.pop(path))

    def __enter__(self):
        """Begin."""
        self.thread.start()

    def __exit__(self, *error):
        """Count a last time, and end."""
        self.over.set()
        self.thread.join()
        self.look()
        self.bar.close()


if __name__ == "__main__":
    main()
