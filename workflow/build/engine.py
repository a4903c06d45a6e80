"""Snakemake as this book runs it: on this machine, or by a profile on a cluster."""

import contextlib
import json
import os
import re
import shutil
import textwrap
from pathlib import Path

from regularization.results import files

PROFILES = Path(__file__).parents[2] / "profiles"


def add_arguments(parser):
    """Add what says where to run: `--build`, `--jobs`, `--profile`, `--gpus`."""
    parser.add_argument("--build", type=Path, default=Path("_build"))
    parser.add_argument("--jobs", type=int, default=1, help="at a time, on this machine")
    parser.add_argument("--profile", default="", help="a folder in profiles/, instead")
    parser.add_argument("--gpus", type=int, default=0, help="that a job which trains asks for")


def check(profile):
    """Raise ValueError for a profile whose cluster cannot be asked from here."""
    if profile == "slurm" and not shutil.which("sbatch"):
        raise ValueError(
            "PROFILE=slurm needs sbatch, which is not on PATH. Expected a machine that hands jobs "
            "to Slurm. Run make there, or leave PROFILE out to build on this one."
        )


def run(arguments, log, snakefile="Snakefile", **config):
    """Run a workflow to its end; return whether all of it was done.

    What Snakemake says goes into a log, what its jobs say to the terminal. Its own lock survives
    its death, so it is left out: `alone` holds one that does not.
    """
    from snakemake.cli import main  # it takes a second, and a refusal need not wait

    for name in [name for name in os.environ if name.startswith("SNAKEMAKE_")]:
        del os.environ[name]  # a profile of the user's own, say: ours are told by PROFILE
    config = {name: str(path) for name, path in ({"build": arguments.build} | config).items()}
    told = log.with_suffix(".yaml")  # on the command line a folder 1e3 is a number
    files.renew(told, json.dumps(config | {"gpu": arguments.gpus}))
    words = ["--snakefile", snakefile, "--configfile", str(told)]
    words += ["--keep-going", "--rerun-incomplete", "--nolock"]
    if arguments.profile:
        words += ["--profile", str(PROFILES / arguments.profile)]
    else:
        words += ["--cores", str(arguments.jobs)]
        # Side by side on an accelerator, by JAX, no job takes from another's share of its memory.
        os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.9 / arguments.jobs:.4f}")
    with open(log, "w", encoding="utf-8") as said, contextlib.redirect_stderr(said):
        try:
            main(words)
        except SystemExit as end:
            return end.code in (0, None)


def reason(log):
    """Say in a paragraph why a workflow did not end well, by what it said last in its log."""
    said = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    where = f"What Snakemake has to say of it is in {log}."
    if "on user request" in said:
        return "It was stopped; the next build goes on from here."
    if "Error in rule" in said:  # a job, which has said why
        return where
    last = re.split(r"\n(?=\S*(?:Error|Exception)\b)", said.strip())[-1]
    expected = "Expected a workflow that can begin."
    if re.search(r"\[Errno \d+\]", last):
        expected = "Expected that this, HOME, TMPDIR and the folder of the sources can be written."
    return f"{textwrap.shorten(last, 600).rstrip('.')}. {expected} {where}"
