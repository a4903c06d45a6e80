"""Renew the README's picture from the published runs, which the store of `_build` has to hold."""

import matplotlib.pyplot as plt

from regularization.core import data
from regularization.report import pictures, style
from regularization.study import registry, tuning


def main():
    """Draw a row of ten weight images for each technique, its text grey for light and dark."""
    digits = data.load("mnist")
    runs = {registry.title(s): tuning.trained(s, digits, "paper") for s in registry.EXPERIMENTS}
    with plt.style.context(style.STYLE), plt.rc_context({"text.color": style.GUIDE}):
        figure = plt.figure(figsize=(6.2, 4.25))
        pictures.draw_wall(figure, runs)
        figure.savefig("book/assets/weight-images.png", dpi=200)


if __name__ == "__main__":
    main()
