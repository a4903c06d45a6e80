"""What a step costs: the floor under it, each technique, and more replicas, images and steps.

Every function here is called in a process of its own and returns what goes into the record.
"""

import itertools
import time
from dataclasses import replace

import numpy as np
from peers import BETA_1, BETA_2, EPSILON, RATE

ROUNDS, BLOCK_SECONDS = 9, 0.25


def timed(function, seconds=BLOCK_SECONDS):
    """Return the seconds of one call of `function`, over a block of them."""
    calls, begun = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds or not calls:
        function()
        calls += 1
    return elapsed / calls


def in_turn(functions, rounds=ROUNDS):
    """Return seconds a call, `[rounds, functions]`: one block of each in turn, round by round."""
    for function in functions:
        function()
    return np.array([[timed(function) for function in functions] for _ in range(rounds)])


def floor_parts(work):
    """Return what no step can do without, as functions, by NumPy in place on one thread.

    The gather of a batch, the two products by BLAS, Adam's pass over the kernel.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    rng, pixels = np.random.default_rng(0), work.images.shape[1]
    gathered = np.empty((work.order.shape[1], pixels), "uint8")
    x, w = np.empty(gathered.shape, "float32"), work.kernel.copy()
    z, gradient, scratch = (
        np.empty((len(x), len(w)), "float32"),
        *np.zeros((2, *w.shape), "float32"),
    )
    error, m, v = rng.normal(size=z.shape).astype("float32"), np.zeros_like(w), np.zeros_like(w)
    batches = itertools.cycle(work.order)

    def gather():
        np.take(work.images, next(batches), axis=0, out=gathered, mode="clip")
        np.multiply(gathered, np.float32(1 / 255), out=x)

    def adam():
        np.subtract(gradient, m, out=scratch)
        np.multiply(scratch, np.float32(1 - BETA_1), out=scratch)
        np.add(m, scratch, out=m)
        np.multiply(gradient, gradient, out=scratch)
        np.subtract(scratch, v, out=scratch)
        np.multiply(scratch, np.float32(1 - BETA_2), out=scratch)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, np.float32(EPSILON), out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, np.float32(RATE), out=scratch)
        np.subtract(w, scratch, out=w)

    return {
        "gather": gather,
        "forward product": lambda: np.matmul(x, w.T, out=z),
        "backward product": lambda: np.matmul(error.T, x, out=gradient),
        "Adam": adam,
    }


def techniques(digits, work):
    """Time the floor's parts and a step of each technique in turn, one replica on one core."""
    from regularization.core.team import LATE, Team
    from regularization.study import registry

    parts = floor_parts(work)
    teams = {
        slug: Team(replace(registry.settings(slug, "quick"), seeds=1), digits)
        for slug in registry.EXPERIMENTS
    }
    seconds = in_turn([*parts.values(), *(team.train for team in teams.values())])
    pieces, steps = np.split(seconds, [len(parts)], axis=1)
    steps = steps / LATE
    floor, plain = pieces.sum(axis=1), steps[:, 0]
    return (
        {"seconds": median(floor)}
        | {"parts": dict(zip(parts, map(median, pieces.T), strict=True))},
        [
            {
                "technique": slug,
                "seconds": median(column),
                "over_floor": median(column / floor),
                "over_plain": median(column / plain),
            }
            for slug, column in zip(teams, steps.T, strict=True)
        ],
    )


def throughput(digits, settings):
    """Time a Team's step, all replicas, for each of `settings`, in turn with the first of them.

    A setting is a dict of `replicas` or `batch_size`; `relative` is its time over the first's.
    """
    from regularization.core.settings import Settings
    from regularization.core.team import LATE, Team

    def team(replicas=1, batch_size=32):
        return Team(Settings(seeds=replicas, batch_size=batch_size), digits)

    first, rows = team(**settings[0]), []
    for setting in settings:
        base, seconds = in_turn([first.train, team(**setting).train]).T / LATE
        rows.append(setting | {"seconds": median(seconds), "relative": median(seconds / base)})
    return rows


def fits(digits, steps):
    """Time whole fits of one replica, compilation and evaluations included, by their steps."""
    from regularization.core.fit import fit
    from regularization.core.settings import Settings

    return [
        {"steps": count, "seconds": clocked(fit, Settings(steps=count), digits)} for count in steps
    ]


def programs(digits):
    """Time what compiling a chapter's programs takes, five replicas, and its peak of memory."""
    from processes import peak_memory

    from regularization.core.program import in_batches
    from regularization.core.settings import Settings
    from regularization.core.team import LATE, Team
    from regularization.study.registry import EXPERIMENTS

    rows, test = [], [*in_batches(digits.test_images)]
    for slug, experiment in EXPERIMENTS.items():
        team = Team(Settings(experiment.technique, seeds=5), digits)
        calls = [(team.train, LATE), (team.predictions, team.program.evaluation(), test)]
        first = sum(clocked(*call) for call in calls)
        rows.append({"technique": slug, "seconds": first - sum(clocked(*call) for call in calls)})
    return rows, peak_memory()


def device():
    """Return what the arrays live on, and how many programs run there side by side."""
    from regularization.core import backend

    return backend.device(), backend.division(64)[1]


def clocked(function, *arguments):
    """Return the seconds that a call takes."""
    begun = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begun


def median(values):
    """Return the median as a plain number."""
    return float(np.median(values))
