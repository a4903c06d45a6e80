"""Renew the README's picture from the last build's results, which have to be the published ones."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from regularization import runs
from regularization.experiments import EXPERIMENTS
from regularization.figures import DIVERGING, STYLE


def main():
    """Draw a row of ten weight images for each technique."""
    all_runs = {slug: runs.load(slug) for slug in EXPERIMENTS}
    if any((run.preset, run.dataset) != ("paper", "mnist") for run in all_runs.values()):
        sys.exit("The last build is not of MNIST at PRESET=paper. Run `make book` with MNIST first.")
    with plt.style.context(STYLE), plt.rc_context({"text.color": "#808080"}):
        figure, axes = plt.subplots(len(all_runs), 10, figsize=(7.2, 4.4))
        for row, run in zip(axes, all_runs.values(), strict=True):
            weights = run.weights[0]
            limit = abs(weights).max()
            for axis, image in zip(row, weights, strict=True):
                axis.imshow(image, cmap=DIVERGING, vmin=-limit, vmax=limit)
                axis.set_axis_off()
            row[0].set_title(run.title, loc="left", pad=3, color="#808080").set_in_layout(False)
        figure.savefig(Path("book/assets/weight-images.png"), dpi=200)


if __name__ == "__main__":
    main()
