"""Train one block of a sweep: its rows as a table, or a message and nothing."""

import argparse
import json
import sys
from pathlib import Path

import dependencies
import records
from safely import alone

from regularization.core import backend, data
from regularization.study import sweeps


def main():
    """Train the block that a JSON file describes, unless that has been done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("block", type=Path)
    parser.add_argument("table", type=Path)
    arguments = parser.parse_args()
    asked = json.loads(arguments.block.read_text())
    block, dataset = asked["block"], asked["made_with"]["dataset"]
    if asked["made_with"] != made_with(dataset):
        sys.exit("The sources are not those that the sweep began with. Run make sweep again.")
    # A workflow that was killed may have left this very block at work.
    with alone(arguments.block.with_suffix(".lock"), arguments.block):
        if not arguments.table.is_file():
            digits = data.load(dataset)
            try:
                run = sweeps.train(block, digits)
            except FloatingPointError as error:
                sys.exit(str(error))
            sweeps.write(sweeps.rows(block, run, digits), arguments.table)


def made_with(dataset):
    """Return what else a block's models depend on: data, backend, sources and versions."""
    files = [*dependencies.of_module("sweeps"), "requirements.txt"]
    return {
        "dataset": dataset,
        "backend": backend.name,
        "sources": sorted(records.hashes(files).values()),
    }


if __name__ == "__main__":
    main()
