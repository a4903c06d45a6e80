"""Check the settings, get the data and write `settings.json`, on which every chapter depends.

What an earlier build left unfinished is cleared away.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from regularization import data, presets


def main():
    """Write the settings if they have changed; stop with one paragraph if they cannot be met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("_build"))
    parser.add_argument("--preset", required=True)
    parser.add_argument("--dataset", required=True)
    arguments = parser.parse_args()
    try:
        presets.get(arguments.preset)
        digits = data.load(arguments.dataset)
    except (ValueError, data.DataError) as error:
        sys.exit(str(error))
    settings = {
        "preset": arguments.preset,
        "dataset": digits.name,
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
    }
    forget_unfinished(arguments.build)
    text = json.dumps(settings, indent=1) + "\n"
    path = arguments.build / "settings.json"
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def forget_unfinished(build):
    """Delete executed chapters without a record, whose execution was broken off, and the site.

    Snakemake puts the copy from before back, with a time as if it had been made just now; and it
    does not miss a chapter while there is a site.
    """
    executed = build / "executed"
    for path in executed.rglob("*.ipynb"):
        record = build / "logs" / path.relative_to(executed).with_suffix(".json")
        if not record.is_file():
            path.unlink()
            (build / "html" / "index.html").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
