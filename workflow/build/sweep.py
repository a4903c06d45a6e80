"""Train a grid of models in independent jobs, and merge them into one table: `make sweep`."""

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import re
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from regularization.analysis import swept
from regularization.core import data
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.results import store
from regularization.results.files import alone, write
from regularization.study import sweeps
from workflow.build import engine
from workflow.build.folder import check, claim
from workflow.build.progress import minutes, watched
from workflow.build.safely import in_words

#: How long a technique is timed, before a sweep begins, and of how many models.
STEPS, MODELS = 750, 16


class Block(NamedTuple):
    """What a job trains: settings of a technique, kept in the store at a path."""

    slug: str
    settings: Settings
    kept: Path

    @property
    def models(self):
        """How many models it has."""
        return math.prod(self.settings.shape)


def main():
    """Plan, say what it will cost, run what is missing, merge; one paragraph if that cannot be."""
    parser = argparse.ArgumentParser(description=__doc__)
    engine.add_arguments(parser)
    parser.add_argument("--config", type=Path, required=True, help="the sweep's file")
    parser.add_argument("--dataset", required=True)
    arguments = parser.parse_args()
    # In the jobs, whose bars would lie over this one.
    os.environ |= {"TQDM_DISABLE": "1", "RUNS_DIR": str(arguments.build.absolute() / "runs")}
    name, folder = arguments.config.stem, arguments.build / "sweeps"
    try:
        engine.check(arguments.profile)
        check(arguments.build)
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(
                f"{arguments.config} cannot name a table. Expected letters, digits, _ and - before "
                "its ending. Give the file another name."
            )
        digits = data.load(arguments.dataset)
        blocks = [
            Block(slug, settings, store.place(settings, digits))
            for slug, settings in sweeps.read(arguments.config, digits)
        ]
        lock = folder / f".{name}.lock"
        with in_words("The sweep", folder), alone(lock, f"the sweep in {folder / name}"):
            claim(arguments.build)
            train(arguments, folder / name, blocks, digits)
            tables = [swept.rows(b.slug, store.train(b.settings, digits)) for b in blocks]
            swept.write(tables, folder / f"{name}.csv")
    except (ValueError, FloatingPointError, data.DataError, store.StoreError) as error:
        sys.exit(str(error))
    print(f"{total(blocks):,} models are in {folder / name}.csv")


def train(arguments, folder, blocks, digits):
    """Train the blocks that the store lacks; ValueError if it lacks one in the end."""
    missing = [block for block in blocks if not block.kept.is_file()]
    if not missing:
        return
    for block in missing:
        write(folder / f"{block.kept.stem}.json", json.dumps(block.settings.to_json()))
    (folder / "blocks.txt").write_text(
        "\n".join(block.kept.stem for block in missing), encoding="utf-8"
    )
    print(announced(arguments, blocks, missing, digits), flush=True)
    where = {"sweep": folder, "runs": store.folder()}
    with progress(blocks, missing):
        engine.run(arguments, folder / "snakemake.log", "workflow/build/sweep.smk", **where)
    failed = [block for block in missing if not block.kept.is_file()]
    if failed:
        raise ValueError(
            f"{len(failed)} of {len(blocks)} jobs did not end well, the first with: "
            f"{last_line(folder / f'{failed[0].kept.stem}.log')} Expected a run of each. The logs "
            f"are in {folder}; run make sweep again to train what is missing."
        )
    shutil.rmtree(folder)


def total(blocks):
    """Return how many models there are."""
    return sum(block.models for block in blocks)


def last_line(log):
    """Return what a job said last."""
    lines = log.read_text(encoding="utf-8").split("\n") if log.is_file() else []
    return next((line for line in reversed(lines) if line.strip()), "nothing: it was never begun.")


def announced(arguments, blocks, missing, digits):
    """Say what the missing blocks will cost, by timing each of their techniques for a moment."""
    kinds = {block.slug: block.settings for block in missing}
    spawned = multiprocessing.get_context("spawn")  # what timed leaves no threads, no memory
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        timed = {slug: pool.submit(time_of, settings, digits) for slug, settings in kinds.items()}
        timed = {slug: future.result() for slug, future in timed.items()}
    beginning = sum(timed[block.slug][0] for block in missing)
    training = sum(timed[b.slug][1] * b.settings.steps * b.models for b in missing)
    seconds = training + beginning / min(arguments.jobs, len(missing))
    every, ahead = total(blocks), total(missing)
    text = f"{every:,} models"
    text += f", of which {every - ahead:,} are trained already" if ahead < every else ""
    text += f"; {ahead:,} to train in {len(missing):,} jobs. "
    text += f"On this machine ({os.cpu_count()} cores) that takes about {minutes(seconds)}"
    return text + (", less on a cluster." if arguments.profile else ".")


def time_of(settings, digits):
    """Return the seconds before the first step of a run, and those of a model's step in one."""
    begun, told = time.perf_counter(), []
    few, steps = next(sweeps.cut(settings, MODELS)), min(settings.steps, STEPS)
    few = replace(few, steps=steps, every=max(steps // 3, 1))
    fit(few, digits, tell=lambda done, seconds: told.append(seconds / few.every))
    step = sorted(told)[len(told) // 2]  # the first of them compiled
    return time.perf_counter() - begun - step * steps, step / math.prod(few.shape)


@contextlib.contextmanager
def progress(blocks, missing):
    """Show a bar of the models that have been trained, by the runs that are there."""
    waiting, every = {block.kept: block.models for block in missing}, total(blocks)
    with tqdm(total=every, initial=every - total(missing), unit="model") as bar:

        def look():
            for path in [path for path in waiting if path.is_file()]:
                bar.update(waiting.pop(path))

        with watched(look, 1):
            yield


if __name__ == "__main__":
    main()
