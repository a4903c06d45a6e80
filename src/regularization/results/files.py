"""Files that are whole or not there, and work that only one process does."""

import contextlib
import os
import sys

import filelock


@contextlib.contextmanager
def replacing(path):
    """Yield a temporary path beside `path`, which takes its place if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write(path, content):
    """Write text or bytes to a file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def renew(path, text):
    """Write text to a file unless it is there already, so that its time says when it changed."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write(path, text)


@contextlib.contextmanager
def alone(path, work):
    """Hold the lock file `path`; where another process holds it, say so and wait for its end.

    The system lets it go when its holder dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        held = lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"Another process is at {work}: waiting for its end.", file=sys.stderr, flush=True)
        held = lock.acquire()
    with held:
        yield
