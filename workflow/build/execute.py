"""Execute one chapter with papermill: the finished notebook, clean, or a message and nothing.

Beside its log it leaves a record: what it was made from, its time and memory. Where all of that is
still the same, it is not executed again, however new the files are.
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import textwrap
import time
import traceback
from pathlib import Path

from regularization.results.files import alone
from workflow.build import kernels, records
from workflow.build.safely import in_words

# A grammar of web addresses, optional in jsonschema, takes longer to import than all of papermill.
sys.modules["rfc3987_syntax"] = None

TIMEOUT = {"quick": 600, "paper": 3600}  # seconds a cell may take


def main():
    """Execute a notebook by the settings; a failure ends in one paragraph and status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("output", type=Path, help="the executed copy")
    parser.add_argument("--page", required=True, help="its name, e.g. techniques/l2")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="what it depends on")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # in good order: with its kernel
    with in_words(arguments.notebook, arguments.build):
        # A workflow that was killed may have left this very chapter at work.
        with alone(arguments.log.with_suffix(".lock"), arguments.notebook):
            make(arguments)


def make(arguments):
    """Execute the notebook and leave a record, unless what the last one names is as it was."""
    start, output, build = time.perf_counter(), arguments.output, arguments.build.absolute()
    record, inputs = arguments.log.with_suffix(".json"), records.hashes(arguments.inputs)
    if records.is_current(record, inputs) and output.is_file():
        return
    given, runs = build / "given" / arguments.page, arguments.log.with_suffix(".runs")
    settings = json.loads((build / "settings.json").read_text(encoding="utf-8"))
    # Set before the kernel starts, so that it inherits them.
    os.environ.update(
        kernels.environment(settings["backend"]),
        RUNS_DIR=str(build / "runs"),
        RUNS_LOG=str(runs.absolute()),
        GIVEN_DIR=str(given),
    )
    for made in (record, runs, *output.parent.glob(f".{output.stem}.*")):  # half written, too
        made.unlink(missing_ok=True)
    shutil.rmtree(given, ignore_errors=True)
    with open(arguments.log, "w", encoding="utf-8") as log:
        terminal = os.dup(2)
        os.dup2(log.fileno(), 2)  # the kernel inherits it: its warnings are the log's
        try:
            memory = execute(arguments.notebook, output, settings, log)
        except OSError:
            os.dup2(terminal, 2)
            raise
        except Exception as error:
            if not isinstance(error, ChapterError):
                traceback.print_exc(file=log)
                said = f"{type(error).__name__}: {first_line(error).rstrip('.')}"
                error = f"{arguments.notebook} was not executed: {said}. Expected that it could be."
            os.dup2(terminal, 2)
            sys.exit(f"{error} The log is {arguments.log}.")
    seconds = time.perf_counter() - start
    made = [output, *(path for path in arguments.build.glob(f"given/{arguments.page}/*"))]
    about = {"seconds": seconds, "peak_memory_mib": memory, "runs": records.used(runs)}
    records.write(record, inputs, made, **about)


def peak_memory(folder):
    """Return the most memory that a kernel held, MiB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    said = Path(folder, "kernel.memory")  # of one that was forked
    usage = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    most = int(said.read_text(encoding="utf-8")) if said.is_file() else usage
    return most / (2**20 if sys.platform == "darwin" else 2**10)


class ChapterError(Exception):
    """A chapter cannot be executed; the message says which, where and why."""


def execute(notebook, output, settings, log):
    """Write the executed copy of `notebook` to `output`, whole or not; return its peak memory."""
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    try:
        # This knows the line of a fault; nbformat does not.
        json.loads(notebook.read_text(encoding="utf-8"))["nbformat"]
        cells = nbformat.read(notebook, as_version=4).cells
        for number, cell in enumerate(cells, 1):
            if not isinstance(cell.get("source"), str):
                raise ValueError(f"its cell {number} has no text")
    except Exception as error:  # there is no common class for all that is no notebook
        raise ChapterError(
            f"{notebook} cannot be read: {first_line(error).rstrip('.')}. Expected a notebook as "
            "JupyterLab saves it, without the marks of a merge, for example. Mend it as text."
        ) from error
    injected = {"preset": settings["preset"], "dataset": settings["dataset"]}
    known = [c.source for c in cells if "parameters" in (c.metadata.get("tags") or [])]
    known = re.findall(r"^(\w+)\s*(?::[^=]*)?=", "\n".join(known), re.MULTILINE)
    if missing := [name for name in injected if name not in known]:
        raise ChapterError(
            f"{notebook} does not take {' and '.join(missing)}. Expected a code cell tagged "
            '`parameters` that sets them, e.g. preset = "quick". Add it and run again.'
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.stem}.{os.getpid()}.ipynb")
    sockets = tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True)
    os.environ["IPYTHONDIR"] = sockets.name  # what somebody lets IPython do first is not the book's
    try:
        papermill.execute_notebook(
            str(notebook),
            str(temporary),
            parameters=injected,
            cwd=str(notebook.parent),
            kernel_name=os.environ.get(kernels.NAME) or kernels.plain(sockets.name),
            language="python",
            start_timeout=120,
            execution_timeout=TIMEOUT[settings["preset"]],
            progress_bar=False,
            stdout_file=log,
            stderr_file=log,
            config=connection(sockets.name),
        )
        finished = clean(nbformat.read(temporary, as_version=4))
        nbformat.write(finished, temporary)
        os.replace(temporary, output)
        return peak_memory(sockets.name)
    except PapermillExecutionError as error:
        log.write(f"\n{error}\n")
        said = textwrap.shorten(error.evalue, 600).rstrip(".")
        reason = f"{error.ename}: {said}" if said else error.ename
        raise ChapterError(
            # Counted from 1 in the chapter as it is kept, without the injected cell.
            f"{notebook} failed in its cell {error.cell_index}: {reason}. "
            "Expected it to run to its end. Open it with `make lab`, run it there and mend it."
        ) from error
    except Exception as error:  # a time-out, a dead kernel: papermill has no common class for them
        log.write(f"\n{type(error).__name__}: {error}\n")
        reason = first_line(error)
        raise ChapterError(
            f"{notebook} was stopped: {type(error).__name__}: {reason}. Expected it to run to its "
            "end. Try it in `make lab`, or with PRESET=quick."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
        sockets.cleanup()


def first_line(error):
    """Return the first line of what an exception says."""
    return next(iter(str(error).strip().splitlines()), "no reason given")


def connection(folder):
    """Return the configuration of a kernel that is reached by sockets in a folder, not by ports.

    Of ports, two kernels that start at once may choose the same, and one of them dies.
    """
    from traitlets.config import Config

    # Windows has no such sockets, and elsewhere their names have a hundred characters at most.
    if os.name == "nt" or len(os.fsencode(folder)) > 90:
        return Config()
    file = os.path.join(folder, "kernel.json")
    return Config(KernelManager={"transport": "ipc", "connection_file": file})


def clean(notebook):
    """Drop what differs between two runs, or is not for the page, from an executed notebook."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        tags = cell.metadata.get("tags") or []
        if "injected-parameters" in tags:
            cell.id = "injected-parameters"
            cell.metadata.tags = ["injected-parameters", "remove-cell"]
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if is_result(output)]
            if "of-the-moment" in tags:  # a time, which would be another each time
                cell.outputs = []
    return notebook


def is_result(output):
    """Return whether an output is for the page: warnings are in the log, progress bars are over."""
    bar = "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    return output.get("name") != "stderr" and not bar


if __name__ == "__main__":
    main()
