"""What made a run: versions, the commit, and the sources that its training reaches."""

import ast
import contextlib
import dataclasses
import datetime
import functools
import hashlib
import io
import os
import platform
import subprocess
import tokenize
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def versions():
    """Return the versions of Python and of what computes, by name."""
    found = {"python": platform.python_version()}
    for name in ("keras", "tensorflow", "jax", "numpy", "scikit-learn", "torch"):
        with contextlib.suppress(PackageNotFoundError):  # one backend is enough
            found[name] = version(name)
    return found


def commit():
    """Return the commit of the sources, with a + where something is not committed."""
    return _git("describe", "--always", "--dirty=+")


def date():
    """Return the day of the sources, not of the build: SOURCE_DATE_EPOCH, or else the commit's.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    moment = os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct")
    if not moment.isdigit():
        return "unknown"
    return datetime.datetime.fromtimestamp(int(moment), datetime.UTC).date().isoformat()


def _git(*words):
    command, root = ["git", "-C", str(PACKAGE), *words], PACKAGE.parents[1]
    # Sources that were unpacked inside another repository are not of its commit.
    known = os.environ | {"GIT_CEILING_DIRECTORIES": str(root.parent)}
    asked = dict(capture_output=True, encoding="utf-8", check=True, env=known)
    try:
        return subprocess.run(command, **asked).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def of_training(technique):
    """Return a hash of the code that training a technique reaches; None where it cannot be known.

    That of other techniques is not reached, nor are comments. A technique that is written in a
    notebook may reach anything in its hooks; one that only brings others together may not.
    """
    modules, together = {PACKAGE / "core" / "fit.py", PACKAGE / "core" / "settings.py"}, []
    for kind in type(technique).__mro__[:-1]:
        if kind.__module__.startswith("regularization."):
            modules.add(_file(kind.__module__))
            together.append(kind.__name__)
        elif all(
            isinstance(value, int | float | str | None) for value in _written_in(kind).values()
        ):
            together.append(_written_in(kind))
        else:
            return None
    sources = of_modules(*modules)
    if all(isinstance(each, str) for each in together):
        return sources
    # What stands in a notebook alone: in which order techniques come together, and constants.
    return hashlib.sha256(repr([sources, together]).encode()).hexdigest()


def of_modules(*paths):
    """Return a hash of the code that modules of the package reach, comments aside."""
    digest = hashlib.sha256()
    for path in reached(*paths):
        code = code_of(path.read_text(encoding="utf-8"))
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\n{code}\n".encode())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class _Plain:
    """What Python and dataclasses bring to a class that says nothing."""

    nothing: float = 0.0


def _written_in(kind):
    """Return what a class defines by itself, by name."""
    own = {name: value for name, value in vars(kind).items() if name not in vars(_Plain)}
    # Python keeps notes of its own there, when an object is first copied.
    return {k: value for k, value in own.items() if not k.startswith("__") or callable(value)}


def reached(*modules, imports=None):
    """Return the modules of the package that `modules` import, paths, themselves among them.

    The `__init__` of a package within only gathers names: what is imported is where it is written.
    """
    found, ahead = set(), {*map(Path, modules)}
    while ahead:
        path = ahead.pop()
        found.add(path)
        ahead |= (imports or imported)(path.read_text(encoding="utf-8")) - found
    return sorted(found)


def imported(code):
    """Return the modules of the package that a text imports, paths."""
    return {path for path in map(_file, names(code)) if path.is_file()}


def _file(module):
    return PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")


@functools.lru_cache(maxsize=256)
def names(code):
    """Return what a text imports of the package, dotted: modules, or what may be in them."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if (name or "").split(".")[0] == "regularization"}


@functools.lru_cache(maxsize=256)
def code_of(text):
    """Return code without what does not run: comments, docstrings, spaces, line ends."""
    kept, line = [], []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.NL):
            continue
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            kept.append(tokenize.tok_name[token.type])
        elif token.type != tokenize.NEWLINE:
            line.append(token)
        elif line:
            if len(line) > 1 or line[0].type != tokenize.STRING:  # a string alone says something
                kept.append("".join("".join(token.string.split()) for token in line))
            line = []
    return "\n".join(kept)
