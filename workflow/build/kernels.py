"""Kernels that begin in a moment: forked, on Linux, from one process that has imported everything.

Importing TensorFlow, the book's modules and IPython takes longer than most chapters at quick
compute. For Jupyter a kernel is a command: the one here asks for a fork, hands its signals on, and
lives as long as the fork. Where there is none to fork from, it becomes an ordinary kernel.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

NAME = "KERNEL"  # in the environment, of the kernel in which chapters are to be executed
OWN = "seeing-regularization"  # the name of ours


@contextlib.contextmanager
def forked(backend):
    """Let the chapters that are executed in the block have kernels that are forked."""
    if sys.platform != "linux":  # elsewhere a fork may not compute
        yield
        return
    with tempfile.TemporaryDirectory(prefix="kernels-") as folder:
        address = f"{folder}/socket"
        _specify(folder, sys.executable, "-IS", __file__, address, "{connection_file}")
        os.environ[NAME] = OWN
        # IPython reads this one: there is a parent, not to be asked for.
        known = {"JPY_PARENT_PID": "1"} | os.environ | environment(backend)
        command = [sys.executable, __file__, address]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=known) as process:
            try:
                yield
            finally:
                process.kill()


def plain(folder):
    """Return the name of a kernel of this Python, whose specification is put into a folder.

    Of those that are installed, one of the usual name may be of another Python.
    """
    _specify(folder, sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    return OWN


def _specify(folder, *command):
    spec = Path(folder, "kernels", OWN, "kernel.json")
    spec.parent.mkdir(parents=True)
    known = {"argv": command, "display_name": OWN, "language": "python"}
    spec.write_text(json.dumps(known), encoding="utf-8")
    others = os.environ.get("JUPYTER_PATH", "")
    os.environ["JUPYTER_PATH"] = folder + os.pathsep * bool(others) + others


def environment(backend):
    """Return what has to be set before a kernel imports the first module."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1"}
    quiet["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # whatever it is elsewhere
    # As Snakemake sets it for a job; with more, sums differ in their last digits.
    return quiet | {"KERAS_BACKEND": backend, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def ask(address, file):
    """Stand for a kernel that is forked; `file` is its connection file."""
    import ctypes

    end_with_parent = 1  # PR_SET_PDEATHSIG of Linux: who executes may be stopped at any moment
    ctypes.CDLL(None).prctl(end_with_parent, signal.SIGKILL)
    try:
        fork = socket.socket(socket.AF_UNIX)
        fork.connect(address)
        socket.send_fds(fork, [b"."], [0, 1, 2])
        said = {"file": file, "folder": os.getcwd(), "environment": dict(os.environ)}
        fork.sendall(json.dumps(said).encode() + b"\n")
        signal.signal(signal.SIGINT, lambda *_: fork.send(b"."))
        if not fork.recv(1):
            raise ConnectionError("what it would be forked from has imported other sources")
    except OSError:
        os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", "-f", file])
    with contextlib.suppress(ConnectionError):
        fork.recv(1)  # nothing, when it ends


def serve(address):
    """Fork a kernel for all who ask, as long as the process lives that began this one."""
    import select

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who began this one
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    before = written()
    import_everything()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a fork
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        with contextlib.suppress(OSError, ValueError), listener.accept()[0] as asked:
            _, descriptors, *_ = socket.recv_fds(asked, 1, 3)
            said = json.loads(asked.makefile().readline())
            if written() == before:  # else a chapter's record would name others than it had
                asked.sendall(b".")
                if os.fork() == 0:
                    listener.close()
                    become_a_kernel(asked, descriptors, **said)
            for descriptor in descriptors:
                os.close(descriptor)


def modules():
    """Return the book's modules, their files by name."""
    import regularization

    package = Path(regularization.__file__).parent
    # pkgutil does not look into rooms, which have no __init__.py.
    paths = {path.relative_to(package.parent): path for path in package.rglob("[!_]*.py")}
    return {".".join(path.with_suffix("").parts): file for path, file in paths.items()}


def written():
    """Return when each of the modules was written."""
    return {name: path.stat().st_mtime_ns for name, path in modules().items()}


def import_everything():
    """Import what chapters do; it leaves no threads that compute."""
    import importlib

    import ipykernel.kernelapp  # noqa: F401
    import matplotlib.pyplot  # noqa: F401

    from regularization.core import backend

    for name in modules():
        with contextlib.suppress(Exception):  # the chapter that imports it will say why
            importlib.import_module(name)
    if backend.name == "tensorflow":  # JAX begins threads
        backend.ops.add  # noqa: B018


def become_a_kernel(asked, descriptors, file, folder, environment):
    """Be the kernel that was asked for, to its end; then say how much memory it held."""
    import resource
    import threading

    from ipykernel import kernelapp

    def hold():
        while asked.recv(1):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGKILL)  # who asked has ended

    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for descriptor, given in enumerate(descriptors):
            os.dup2(given, descriptor)
            os.close(given)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["ipykernel_launcher", "-f", file]
        threading.Thread(target=hold, daemon=True).start()
        kernelapp.launch_new_instance()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        Path(file).with_suffix(".memory").write_text(str(memory), encoding="utf-8")
    finally:
        os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        ask(*sys.argv[1:])
    else:
        del sys.path[0]  # a chapter does not import what is beside this
        serve(sys.argv[1])
