"""The folder of a build: whose it is, and where a book stays while another is asked for.

A folder that a build has begun bears a mark; only such a folder is built in, or cleared. A book of
other settings that stands in it is set aside, whole, and comes back when they are asked for again.
Its site stays in place until the next one is finished. Runs and sweeps serve all books.
"""

import contextlib
import errno
import json
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = ".seeing-regularization"
#: The project's own: no place for a build.
SOURCES = "book src workflow tests bench published profiles sweeps binder .git .venv".split()
#: What belongs to one book. The settings, which say to which, leave last and come first.
OF_A_BOOK = ["executed", "given", "logs", "results", "files", "stage", "config.yml", "site.json"]
OF_A_BOOK += ["settings.json"]


class NotOurs(ValueError):
    """A folder is not one to build in, or to clear; the message says why, and what to do."""


def claim(build):
    """Mark a folder as one of builds, and return it; OSError where it cannot be written."""
    try:
        build.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, NotADirectoryError, FileExistsError) as error:
        raise PermissionError(errno.EACCES, "no folder can be made there", str(build)) from error
    if not (build / MARK).is_file():
        (build / MARK).touch()
    return build


def check(build):
    """Raise NotOurs for a folder that no build may use."""
    try:
        path = build.resolve()
        path.is_dir(), path.exists()
    except (OSError, RuntimeError) as error:  # too long, or a link to itself
        raise NotOurs(f"BUILD={build} cannot be a folder: {error}. Name another.") from error
    awkward = sorted({*str(build)} & {*'{}[]*?"$`\n'})
    if str(build).startswith("-"):
        reason = "begins with a -, like an option"
    elif awkward:
        reason = f"has {' and '.join(map(repr, awkward))} in its name, which other tools read"
    elif path in (ROOT, *ROOT.parents):
        reason = "holds the project itself"
    elif path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in SOURCES:
        reason = "lies among the project's own files"
    elif path.exists() and not path.is_dir():
        reason = "is a file"
    elif not is_ours(path) and (held := _held(path)):
        reason = f"holds what no build has put there: {', '.join(held)}"
    else:
        return
    raise NotOurs(
        f"BUILD={build} {reason}. Expected a folder that is not there yet, an empty one, or one of "
        "an earlier build. Name another, or leave BUILD out for _build."
    )


def is_ours(build):
    """Return whether a folder is one that a build has begun, or where it would by itself.

    Before there was a mark, it left its settings alone.
    """
    marked = (build / MARK).is_file() or settings(build)
    return bool(marked) or (build.is_dir() and build.resolve() == ROOT / "_build")


def _held(path):
    """Return the names of the first things in a folder."""
    names = sorted(each.name for each in path.iterdir()) if path.is_dir() else []
    return names[:3] + ["..."] * (len(names) > 3)


def settings(build):
    """Return the settings of the book that a folder holds, None where there is none."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((build / "settings.json").read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.keys() == {"preset", "dataset", "backend"}:
            return found


def place(build, of):
    """Return where the book of some settings is kept while there is another."""
    return build / "kept" / re.sub(r"[^\w.-]+", "_", "-".join(of.values()))


def make_room(build, asked):
    """Set a book of other settings aside; bring the one that is asked for back. Return what moved.

    Whoever is killed between two moves loses nothing: the next build goes on, and what does not
    belong together it makes anew (`records`).
    """
    _recover(build / "html")
    before, back = settings(build), place(build, asked)
    aside = place(build, before) if before and before != asked else None
    if aside:
        # Without a record the site is that of another book.
        if all((build / name).exists() for name in ("site.json", "html")):
            replace(aside / "html", lambda new: shutil.copytree(build / "html", new))
        _move(OF_A_BOOK, build, aside)
    if back.is_dir():
        _move(OF_A_BOOK[::-1], back, build)
        if (back / "html").is_dir():
            replace(build / "html", (back / "html").rename)
        shutil.rmtree(back)
    return aside


def _move(names, source, target):
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).exists():
            _remove(target / name)
            (source / name).rename(target / name)


def replace(folder, make):
    """Let the folder that `make(path)` leaves at a path take the place of another, when whole."""
    new, old = _beside(folder)
    _recover(folder)
    for path in (new, old):
        _remove(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make(new)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    _remove(old)


def _beside(folder):
    return [folder.with_name(f".{folder.name}.{which}") for which in ("new", "old")]


def _recover(folder):
    """Put back what stood there, where a replacement was killed between two moves."""
    old = _beside(folder)[1]
    if old.is_dir() and not folder.exists():
        old.rename(folder)


def _remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
