"""What a step costs: each technique over the floor, and more replicas, images and steps.

Every function here is called in a process of its own and returns what goes into the record.
"""

import os
import time
from dataclasses import replace

import numpy as np
from peers import limit

ROUNDS, BLOCK_SECONDS = 9, 0.25
ALIKE = 8  # models of one seed, which share their batches


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


def techniques(digits, work, rounds=ROUNDS):
    """Time on one core, in turn: the floor, a step of each technique, and of models of one seed.

    Returns the floor, empty where there is no compiler for it; rows of techniques, one replica
    each; and what a step takes for each of the models that share their batches.
    """
    from regularization.core.settings import Settings
    from regularization.core.team import LATE, Team
    from regularization.study import registry

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    settings = {slug: registry.settings(slug, "quick") for slug in registry.EXPERIMENTS}
    teams = [Team(replace(each, seeds=1), digits) for each in settings.values()]
    rates = np.geomspace(1e-5, 1e-3, ALIKE).tolist()
    functions = [team.train for team in [*teams, Team(Settings(learning_rate=rates), digits)]]
    try:
        train, _ = limit(work)
        functions.append(lambda: train(work.order))
    except OSError as error:
        print(f"The floor is left out: {error}")
    seconds = in_turn(functions, rounds)
    steps, alike = seconds[:, : len(teams)] / LATE, seconds[:, len(teams)] / LATE / ALIKE
    floors = seconds[:, len(teams) + 1 :] / len(work.order)

    def row(seconds):
        over_floor = {"over_floor": median(seconds / floors[:, 0])} if floors.size else {}
        over_plain = {"over_plain": median(seconds / steps[:, 0])}
        return {"seconds": median(seconds)} | over_floor | over_plain

    rows = [{"technique": slug} | row(s) for slug, s in zip(settings, steps.T, strict=True)]
    floor = {"seconds": median(floors)} if floors.size else {}
    return floor, rows, {"models": ALIKE} | row(alike)


def throughput(digits, settings, rounds=ROUNDS):
    """Time a Team's step, all replicas, for each of `settings`, in turn with the first of them.

    A setting is a dict of `replicas` or `batch_size`; `relative` is its time over the first's.
    """
    from regularization.core.settings import Settings
    from regularization.core.team import LATE, Team

    def team(replicas=1, batch_size=32):
        return Team(Settings(seeds=replicas, batch_size=batch_size), digits)

    first, rows = team(**settings[0]), []
    for setting in settings:
        base, seconds = in_turn([first.train, team(**setting).train], rounds).T / LATE
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
    """Time what compiling a chapter's programs takes, five replicas."""
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
    return rows


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
