"""Train one block of a sweep: its rows as a table, or a message and nothing."""

import argparse
import json
from pathlib import Path

from safely import alone

from regularization import data, sweeps


def main():
    """Train the block that a JSON file describes, unless that has been done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("block", type=Path)
    parser.add_argument("table", type=Path)
    arguments = parser.parse_args()
    # A workflow that was killed may have left this very block at work.
    with alone(arguments.block.with_suffix(".lock"), arguments.block):
        if not arguments.table.is_file():
            made = json.loads(arguments.block.read_text())
            digits = data.load(made["dataset"])
            run = sweeps.train(made["block"], digits)
            sweeps.write(sweeps.rows(made["block"], run, digits), arguments.table)


if __name__ == "__main__":
    main()
