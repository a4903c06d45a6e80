"""Remove what was built: `make clean`. It needs no environment, and spares what no build marked."""

import argparse
import contextlib
import shutil
import sys
from pathlib import Path

from workflow.build import folder


def main():
    """Remove the folder of builds and what Snakemake noted; one paragraph where that may not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build
    try:
        folder.check(build)
    except folder.NotOurs as error:
        sys.exit(str(error))
    if at_work(build):
        sys.exit(
            f"A build is at work in {build}. Expected none. Wait for its end, or stop it by Ctrl-C "
            "where it runs, and run make clean again."
        )
    if folder.is_ours(build):
        shutil.rmtree(build.resolve())
        build.unlink(missing_ok=True)  # where it was a link
    shutil.rmtree(folder.ROOT / ".snakemake", ignore_errors=True)


def at_work(build):
    """Return whether a book or a sweep is being made in a folder."""
    with contextlib.suppress(ImportError):  # without an environment nobody builds
        import filelock

        for path in [build / ".lock", *build.glob("sweeps/.*.lock")]:
            try:
                if path.is_file():
                    filelock.FileLock(path, timeout=0).acquire().lock.release()
            except filelock.Timeout:
                return True
    return False


if __name__ == "__main__":
    main()
