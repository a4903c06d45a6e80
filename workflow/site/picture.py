"""Renew the README's picture from the runs of the last build: `make picture`."""

import argparse
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from regularization.core import data
from regularization.report import pictures, style
from regularization.study import registry, tuning
from workflow.build import folder


def main():
    """Draw a row of ten weight images for each technique, its text grey for light and dark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build
    of = folder.settings(build) or {}
    if (of.get("preset"), of.get("dataset")) != ("paper", "mnist"):  # to train them takes an hour
        sys.exit(
            f"There is no picture to be drawn of {build}. Expected a build at the paper preset on "
            "MNIST. Run make book first."
        )
    os.environ["RUNS_DIR"] = str(build / "runs")
    digits = data.load("mnist")
    runs = {registry.title(s): tuning.trained(s, digits, "paper") for s in registry.EXPERIMENTS}
    with plt.style.context(style.BASE), plt.rc_context({"text.color": style.GUIDE}):
        figure = plt.figure(figsize=(6.2, 4.25))
        pictures.draw_wall(figure, runs)
        figure.savefig("book/assets/weight-images.png", dpi=200)


if __name__ == "__main__":
    main()
