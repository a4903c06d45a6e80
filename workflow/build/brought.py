"""Runs that were trained elsewhere: packed with a release, and put into a build's store."""

import contextlib
import hashlib
import json
import shutil
import tarfile
import tempfile
import textwrap
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from regularization.core.settings import Settings
from regularization.results import provenance, store
from regularization.results.files import replacing, write
from regularization.results.run import read_arrays

TIMEOUT = (3, 30)  # seconds: to connect, and between two packets


class Refused(Exception):
    """The runs cannot be used; the message says why, and what to do."""


def fill(folder, source):
    """Copy the runs of a `source` into the store's `folder`; return how many, and how many fit.

    A source is a folder of runs, an archive beside its SHA256SUMS, or an archive's address. Runs
    fit that were trained by the sources and versions that are here; the others are left out.
    Raises Refused, before anything is copied, for what is damaged, and where none fits.
    """
    with tempfile.TemporaryDirectory() as temporary:
        runs = sorted(_unpacked(source, Path(temporary)).rglob("*.safetensors"))
        if not runs:
            raise Refused(
                f"RUNS={source} holds no runs. Expected files as in the store, *.safetensors."
            )
        fitting = [path for path in runs if _fits(path, source)]
        if not fitting:
            raise Refused(
                f"RUNS={source} holds {len(runs)} runs, of other sources or versions than these. "
                "Expected runs of this commit and the versions of requirements.txt. Check out the "
                "commit of their release, or build without RUNS, which trains all."
            )
        folder.mkdir(parents=True, exist_ok=True)
        known = {path.stem for path in folder.glob("*.safetensors")}
        names = brought(folder)
        for path in (path for path in fitting if path.stem not in known):
            with replacing(folder / path.name) as temporary_copy:
                shutil.copy(path, temporary_copy)
            names.add(path.stem)
        write(folder / "brought.json", json.dumps(sorted(names)))
    return len(runs), len(fitting)


def brought(folder):
    """Return the names of the runs in a store that were brought."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return set(json.loads((folder / "brought.json").read_text(encoding="utf-8")))
    return set()


def _fits(path, source):
    """Return whether a run was trained as it would be here; Refused where it is not whole."""
    try:
        about = read_arrays(path)[1]["about"]
        its = about.get("sources"), about.get("backend")
        if "settings" not in about:  # a computation
            return store.key(about) == path.stem
        settings = Settings.from_json(about["settings"])
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(source, path.name, error) from error
    except ValueError as error:
        if "is not a saved run" in str(error):
            raise _damaged(source, path.name, error) from error
        return False  # settings of another version
    versions = provenance.versions()
    here = [its[1][0], versions.get(its[1][0]), versions.get("keras")]
    same = its == (provenance.of_training(settings.technique), here)
    return same and store.key(about) == path.stem


def _damaged(source, name, reason):
    reason = textwrap.shorten(str(reason), 300)
    return Refused(
        f"RUNS={source} is damaged: {name}: {reason}. Expected what make release has packed. Fetch "
        "it anew."
    )


def _unpacked(source, temporary):
    """Return a folder with what a source holds, its checksum checked; Refused if it is wrong."""
    path = Path(source)
    if source.startswith(("https://", "http://")):
        path = temporary / Path(urlsplit(source).path).name
        _fetch(source, path)
        _fetch(urljoin(source, "SHA256SUMS"), temporary / "SHA256SUMS")
    if path.is_dir():
        return path
    if not path.is_file():
        raise Refused(
            f"RUNS={source} is not there. Expected a folder of runs, or the archive that make "
            "release packs, beside its SHA256SUMS. Name one, or leave RUNS out to train all."
        )
    sums = path.with_name("SHA256SUMS")
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.is_file() else []
    expected = dict(reversed(line.split(maxsplit=1)) for line in lines if len(line.split()) == 2)
    if path.name not in expected:
        raise Refused(
            f"RUNS={source} has no checksum. Expected a line for {path.name} in {sums}, as make "
            "release writes it. Fetch that file, too."
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected[path.name]:
        raise _damaged(source, path.name, f"its sha256 is {found}, not {expected[path.name]}")
    try:
        with tarfile.open(path) as archive:
            archive.extractall(temporary / "runs", filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _damaged(source, path.name, error) from error
    return temporary / "runs"


def _fetch(address, path):
    import requests
    import urllib3

    try:
        with (
            requests.get(address, stream=True, timeout=TIMEOUT) as answer,
            open(path, "wb") as file,
        ):
            answer.raise_for_status()
            shutil.copyfileobj(answer.raw, file)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        reason = textwrap.shorten(str(error), 300)
        raise Refused(
            f"{address} cannot be fetched: {type(error).__name__}: {reason}. Expected an archive "
            "of runs, beside its SHA256SUMS. Fetch both by other means, and name it by RUNS=path."
        ) from error
