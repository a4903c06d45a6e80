"""The random streams of a training, each named once.

What NumPy draws before training comes from generators `[seed, stream]`; what a compiled program
draws, from a counter (noise.py): a step's is its number, and below zero are those of no step.
"""

import numpy as np

START, ORDER, SUBSET, WRONG_LABELS = range(4)  # of NumPy's generators

ONCE = -1  # the counter of what is drawn once for all steps


def generator(seed, stream):
    """Return NumPy's generator of a seed's stream, one of the four above."""
    return np.random.default_rng([seed, stream])


def of_evaluation(batch):
    """Return the counter of what the `batch`-th batch of an evaluation draws."""
    return -2 - batch
