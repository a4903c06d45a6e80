"""Renew the README's picture from the last build's results, which have to be the published ones."""

import sys

import matplotlib.pyplot as plt

from regularization.report import pictures, style
from regularization.results import run as runs
from regularization.study.registry import EXPERIMENTS


def main():
    """Draw a row of ten weight images for each technique, its text grey for light and dark."""
    built = [runs.load(slug, "_build/results") for slug in EXPERIMENTS]
    if any((run.preset, run.dataset) != ("paper", "mnist") for run in built):
        sys.exit("The last build is not of MNIST at PRESET=paper. Run `make book` with it first.")
    with plt.style.context(style.STYLE), plt.rc_context({"text.color": "#808080"}):
        figure = plt.figure(figsize=(6.2, 4.25))
        pictures.draw_wall(figure, {run.title: run for run in built})
        figure.savefig("book/assets/weight-images.png", dpi=200)


if __name__ == "__main__":
    main()
