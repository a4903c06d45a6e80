"""A process for each thing measured: its own imports, threads and memory."""

import multiprocessing
import os
import re
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

ENVIRONMENT = dict(os.environ)  # as found: the package sets variables that are not for the peers
BLOCK_SECONDS = 0.25


@contextmanager
def process(function, *arguments, **environment):
    """Run `function(connection, *arguments)` in a process of its own; yield our end's `ask`.

    `ask(message)` returns the answer, or raises RuntimeError with the other side's last words.
    """
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    environment = ENVIRONMENT | {"TF_CPP_MIN_LOG_LEVEL": "3"} | environment
    child = context.Process(target=_enter, args=(theirs, function, arguments))
    # Given at the start: unpickling the arguments may import the package, which adds to it.
    with mock.patch.dict(os.environ, environment, clear=True):
        child.start()
    theirs.close()

    def ask(message):
        try:
            ours.send(message)
            answer = ours.recv()
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError("its process ended") from error
        if isinstance(answer, Exception):
            raise RuntimeError(f"{type(answer).__name__}: {answer}") from answer
        return answer

    try:
        yield ask
    finally:
        ours.close()
        child.join(10)
        child.kill()


def call(function, *arguments, **environment):
    """Return `function(*arguments)`, called in a process of its own."""
    with process(_answer, function, arguments, **environment) as ask:
        return ask("go")


def _enter(connection, function, arguments):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # TensorFlow logs on import whatever its settings
    try:
        function(connection, *arguments)
    except EOFError:
        sys.exit()
    except Exception as error:
        connection.recv()
        connection.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _answer(connection, function, arguments):
    answer = function(*arguments)  # what it raises is the answer to the message, which is to come
    connection.recv()
    connection.send(answer)


def serve(connection, start, work, *arguments):
    """Time a peer: first its start-up, then a block of steps whenever asked for one."""
    begun = time.perf_counter()
    train, _ = start(work, *arguments)
    ready = time.perf_counter() - begun
    first = clock(train, work.order, 1)
    again = clock(train, work.order, 1)
    # Whoever takes a millisecond a step is timed on fewer of them.
    order = work.order if again < 2 * BLOCK_SECONDS else work.order[:250]
    if len(order) < len(work.order):
        clock(train, order, 1)
    calls = max(1, round(BLOCK_SECONDS / clock(train, order, 1)))
    while connection.recv() == "block":
        connection.send(clock(train, order, calls) / calls / len(order))
    connection.send(
        {
            "ready_seconds": ready,
            "compile_seconds": max(0.0, first - again),
            "peak_memory_bytes": peak_memory(),
        }
    )


def clock(train, order, calls):
    """Return the seconds that some calls of `train` take."""
    start = time.perf_counter()
    for _ in range(calls):
        train(order)
    return time.perf_counter() - start


def peak_memory():
    """Return the most memory this process has held, in bytes."""
    try:  # on Linux the other figure begins with that of the process which started this one
        text = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * int(re.search(r"VmHWM:\s*(\d+)", text).group(1))
    except (OSError, AttributeError):
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
