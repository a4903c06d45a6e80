"""The store: a run is trained once, and kept under the hash of all that it depends on.

Nothing else decides what is current. `RUNS_DIR` names the store; else it is `_build/runs` of the
book around the folder that a process works in.
"""

import contextlib
import hashlib
import json
import math
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from regularization.core import backend
from regularization.core.fit import fit
from regularization.results import files, provenance
from regularization.results.files import alone
from regularization.results.run import Run, read, read_arrays, write, write_arrays


class StoreError(Exception):
    """A run cannot be kept; the message says why, and what to do."""


def folder():
    """Return the folder of the store."""
    if given := os.environ.get("RUNS_DIR"):
        return Path(given)
    here = Path.cwd()
    root = next((path for path in (here, *here.parents) if (path / "_toc.yml").is_file()), here)
    return root / "_build" / "runs"


def about(settings, digits):
    """Return all that a run depends on, what JSON can hold; None where it cannot be known."""
    sources, versions = provenance.of_training(settings.technique), provenance.versions()
    return sources and {
        "settings": settings.on(digits).to_json(),
        "data": digits.hash,
        "backend": [backend.name, versions.get(backend.name), versions.get("keras")],
        "sources": sources,
    }


def key(known):
    """Return the name under which what `about` returns is kept."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]


def place(settings, digits):
    """Return the path at which a run of `settings` is kept; None where it cannot be known."""
    known = about(settings, digits)
    return known and folder() / f"{key(known)}.safetensors"


def train(settings, digits):
    """Return the run of `settings` on `digits`: from the store, or trained and kept there.

    Where another process trains it, it is waited for. A technique whose code a notebook defines is
    trained each time: what its hooks reach cannot be known. Raises what `fit` raises, and
    StoreError where the run cannot be kept.
    """
    settings = settings.on(digits)
    known = about(settings, digits)
    if known is None:
        return _trained(settings, digits, None)

    def make():
        run = _trained(settings, digits, path.stem)
        write(run, known, path)
        return run

    path = folder() / f"{key(known)}.safetensors"
    run, found = _found_or_made(path, known, read, make, settings)
    if found:
        _note(settings, path.stem, trained=False)
    # A notebook may have given the name of its technique to another since: the asked for is meant.
    return replace(run, settings=settings)


def computed(what, known, module, make):
    """Return the arrays by name that `make()` returns, kept as runs are.

    `known` is all that they depend on beside the sources that a `module`, its path, reaches.
    """
    known = {"what": what, "sources": provenance.of_modules(module)} | known

    def made():
        arrays = make()
        write_arrays(path, arrays, {"about": known})
        return arrays

    def found(path):
        arrays, said = read_arrays(path)
        return arrays, said["about"]

    path = folder() / f"{key(known)}.safetensors"
    return _found_or_made(path, known, found, made, what)[0]


def _found_or_made(path, known, read, make, what):
    """Return what is kept at `path`, or what `make()` keeps there; and whether it was there."""
    found = _found(path, known, read, said=False)
    if found is None:
        with _kept_in_words(path), alone(path.parent / "locks" / path.stem, what):
            found = _found(path, known, read)
            for half in path.parent.glob(f".{path.name}.*"):  # of one that was killed
                half.unlink()
            if found is None:
                return make(), False
    return found, True


def _found(path, known, read, said=True):
    """Return what is kept, or None; what is damaged is made again, and that is `said`."""
    try:
        found, its = read(path)
        if its != known:
            raise ValueError(f"{path} is of other settings than its name says")
    except FileNotFoundError:
        return None
    except ValueError as error:
        if said:
            print(f"{error}. It is made again.", file=sys.stderr, flush=True)
        return None
    return found


def _trained(settings, digits, name):
    """Train, show how far it is, and say so; the run is to be kept under a `name`, or None."""
    from tqdm.auto import tqdm

    begun = time.perf_counter()
    if "ipykernel.kernelapp" not in sys.modules:  # in a notebook the bar is enough
        print(f"Training {settings}.", file=sys.stderr, flush=True)
    what = type(settings.technique).__name__
    bar = tqdm(total=settings.steps, unit="step", desc=what, leave=False)
    with bar, _at_work(settings) as tell_build:

        def tell(done, seconds):
            bar.update(done - bar.n)
            tell_build(done)

        arrays = fit(settings, digits, tell)
    made = {"data": digits.hash, "device": backend.device(), "backend": backend.name}
    made |= {"versions": provenance.versions(), "commit": provenance.commit()}
    seconds = time.perf_counter() - begun
    _note(settings, name, trained=True, seconds=seconds)
    return Run(settings, arrays, made)


def _note(settings, name, **more):
    """Tell a build, which counts what was trained and what was found."""
    if log := os.environ.get("RUNS_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            steps = settings.steps * math.prod(settings.shape)
            note = {"key": name, "what": str(settings), "steps": steps}
            file.write(json.dumps(note | more) + "\n")


@contextlib.contextmanager
def _at_work(settings):
    """Yield a function that tells a build how many steps are done, while they are."""
    log, told = os.environ.get("RUNS_LOG"), -math.inf
    now = Path(log).with_suffix(".now") if log else None

    def tell(done):
        nonlocal told
        if now and time.monotonic() - told > 0.5:
            told, models = time.monotonic(), math.prod(settings.shape)
            about = {"what": str(settings), "done": done, "models": models}
            files.write(now, json.dumps(about))

    try:
        yield tell
    finally:
        if now:
            now.unlink(missing_ok=True)


@contextlib.contextmanager
def _kept_in_words(path):
    """Raise StoreError where the store cannot be written."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"A run cannot be kept in {path.parent}: {error.strerror or error}. Expected a folder "
            "with room that can be written. Make room, or name another folder by RUNS_DIR."
        ) from error
