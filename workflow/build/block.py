"""Train one block of a sweep, which the store then keeps; or a message and nothing."""

import argparse
import json
import sys
from pathlib import Path

from regularization.core import data
from regularization.core.settings import Settings
from regularization.results import store


def main():
    """Train what the settings in a JSON file say, unless that has been done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("kept", type=Path, help="where the store is to keep the run")
    arguments = parser.parse_args()
    settings = Settings.from_json(json.loads(arguments.settings.read_text(encoding="utf-8")))
    digits = data.load(settings.dataset)
    if store.place(settings, digits).name != arguments.kept.name:
        sys.exit("The sources are not those that the sweep began with. Run make sweep again.")
    try:
        store.train(settings, digits)
    except (FloatingPointError, store.StoreError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
