"""Snakemake as this book runs it: on this machine, or by a profile on a cluster."""

import contextlib
from pathlib import Path

PROFILES = Path(__file__).parents[2] / "profiles"


def add_arguments(parser):
    """Add what says where to run: `--build`, `--jobs`, `--profile`, `--gpus`."""
    parser.add_argument("--build", type=Path, default=Path("_build"))
    parser.add_argument("--jobs", type=int, default=1, help="at a time, on this machine")
    parser.add_argument("--profile", default="", help="a folder in profiles/, instead")
    parser.add_argument("--gpus", type=int, default=0, help="that a job which trains asks for")


def run(arguments, log, snakefile="Snakefile", **config):
    """Run a workflow to its end; return whether all of it was done.

    What Snakemake says goes into a log, what its jobs say to the terminal. Its own lock survives
    its death, so it is left out: `alone` holds one that does not.
    """
    from snakemake.cli import main  # it takes a second, and a refusal need not wait

    words = ["--snakefile", snakefile, "--config", f"build={arguments.build}"]
    words += [f"gpu={arguments.gpus}"]
    words += [f"{name}={value}" for name, value in config.items()]
    words += ["--keep-going", "--rerun-incomplete", "--nolock"]
    if arguments.profile:
        words += ["--profile", str(PROFILES / arguments.profile)]
    else:
        words += ["--cores", str(arguments.jobs)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as said, contextlib.redirect_stderr(said):
        try:
            main(words)
        except SystemExit as end:
            return end.code in (0, None)
