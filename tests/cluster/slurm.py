"""A real Slurm on this machine for the time of a test: a controller and nodes on loopback ports.

Everything it writes lies in one folder and nothing in /etc is touched. Its daemons and jobs run as
the current user, root or not, and end with the cluster.
"""

import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "sinfo", "scancel")
PATH = os.environ.get("PATH", "") + ":/usr/sbin"  # where the daemons are, for all but root
PARTITION = "test"
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
# A container has neither control groups nor a database of jobs.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
SchedulerParameters=batch_sched_delay=0,sched_interval=5
# squeue goes on showing what finished. A lost node is noticed soon, and its jobs fail instead of
# waiting two minutes to run again. A node that answers again is used again.
MinJobAge=3600
SlurmdTimeout=5
MessageTimeout=5
JobRequeue=0
ReturnToService=2
KillWait=2
# The nodes may claim more than the machine has.
SlurmdParameters=config_overrides
NodeName=DEFAULT CPUs={cpus} RealMemory=32000
PartitionName={partition} Nodes=ALL Default=YES State=UP
"""


class Missing(Exception):
    """Slurm cannot be used here; the one sentence says why."""


class Job(NamedTuple):
    """A job that waits or runs. Snakemake names it by its run and puts the rule in the comment."""

    id: str
    name: str
    comment: str
    state: str
    node: str


@contextlib.contextmanager
def cluster(folder, nodes=2, cpus=2):
    """A Slurm whose nodes n1, n2 ... are idle. Afterwards nothing of it runs, jobs included."""
    absent = [program for program in PROGRAMS if not shutil.which(program, path=PATH)]
    if absent:
        raise Missing(f"No {', '.join(absent)} here: apt install slurm-wlm munge.")
    slurm = Cluster(folder, nodes, cpus)
    try:
        try:
            slurm.start()
        except RuntimeError as error:
            raise Missing(f"Slurm does not come up here: {error}") from error
        yield slurm
    finally:
        slurm.stop()


class Cluster:
    """A Slurm: the environment of those who use it, and ways to break and mend it."""

    def __init__(self, folder, nodes, cpus):
        self.folder = Path(folder).resolve()
        if len(str(self.folder)) > 75:
            raise ValueError(
                f"Slurm's folder {self.folder} is too long. Expected at most 75 characters, for "
                "the sockets in it end at 107: choose a folder nearer to the root."
            )
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        for name in ("state", "bin", *self.nodes):
            (self.folder / name).mkdir(parents=True)
        self.configuration = self.folder / "slurm.conf"
        self._write_configuration(cpus)
        self._write_wrappers()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SLURM")},
            "SLURM_CONF": str(self.configuration),
            "PATH": f"{self.folder}/bin:{PATH}",
        }
        self._daemons = {}  # those that should be running, by name

    def _write_configuration(self, cpus):
        host = socket.gethostname().split(".")[0]
        port, *node_ports = _free_ports(1 + len(self.nodes))
        names = {"host": host, "port": port, "user": os.getuid(), "folder": self.folder}
        text = CONFIGURATION.format(cpus=cpus, partition=PARTITION, **names)
        for name, node_port in zip(self.nodes, node_ports, strict=True):
            text += f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port}\n"
        self.configuration.write_text(text, encoding="utf-8")
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))

    def _write_wrappers(self):
        srun = shlex.quote(shutil.which("srun", path=PATH))
        wrappers = {
            # Snakemake's jobs drop SLURM_CONF before they call srun.
            "srun": f'SLURM_CONF={shlex.quote(str(self.configuration))} exec {srun} "$@"',
            # Snakemake asks sacct while the controller is away. The real one fails, lacking a
            # database, and Snakemake forgets its jobs and hangs. Knowing of no job is harmless.
            "sacct": "exit 0",
        }
        for name, line in wrappers.items():
            (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
            (self.folder / "bin" / name).chmod(0o755)

    def start(self):
        files = ("key-file", "socket", "pid-file", "log-file", "seed-file")
        options = [f"--{file}={self.folder}/munge.{file.removesuffix('-file')}" for file in files]
        # --force: the folders above may be closed to others, who have no business here.
        self._start("munged", "munged", "--foreground", "--force", *options)
        self._wait("munged answers", (self.folder / "munge.socket").exists)
        self._start("slurmctld", "slurmctld", "-D")
        for name in self.nodes:
            self._start(name, "slurmd", "-D", "-N", name)
        self.wait_until_idle()

    def stop(self):
        for name in list(self._daemons):
            self._kill(name)

    def command(self, *words):
        """What the command, such as squeue, prints for a user of this Slurm."""
        done = subprocess.run(words, env=self.environment, capture_output=True, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(
                f"{shlex.join(words)} ended with {done.returncode} instead of 0: "
                f"{done.stderr.strip()}. The daemons' logs in {self.folder} may tell more."
            )
        return done.stdout

    def jobs(self):
        """The jobs that wait or run, oldest first."""
        lines = self.command("squeue", "-h", "-S", "i", "-o", "%i|%j|%k|%T|%N").splitlines()
        return [Job(*line.split("|")) for line in lines]

    def states(self):
        """What the controller thinks of each node: idle, mixed, down ..., idle* if it is silent."""
        return dict(line.split() for line in self.command("sinfo", "-hNo", "%N %T").splitlines())

    def wait_until_idle(self):
        self._wait("all nodes are idle", lambda: set(self.states().values()) == {"idle"})

    def stop_node(self, name):
        """The node crashes, and with it the jobs on it."""
        self._kill(name)

    def start_node(self, name):
        self._start(name, "slurmd", "-D", "-N", name)
        self._wait_until_usable()

    def stop_controller(self):
        """The controller goes away, jobs go on. It may save its state: killed in the first seconds
        of a job, it would come back to start that job twice, and shut out the node for it."""
        self._daemons["slurmctld"].terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._daemons["slurmctld"].wait(10)
        self._kill("slurmctld")

    def start_controller(self):
        self._start("slurmctld", "slurmctld", "-D")
        self._wait_until_usable()

    def up(self):
        """The nodes whose daemons run."""
        return {node for node in self.nodes if node in self._daemons}

    def _wait_until_usable(self):
        def usable():
            states = self.states()
            running = [states[node] for node in self.up()]
            return set(running) <= {"idle", "mixed", "allocated", "completing"}

        self._wait("the running nodes are usable", usable)

    def _start(self, name, program, *options):
        prctl = ctypes.CDLL(None).prctl

        def keep_together():
            prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: die with the thread that started it
            prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: a job stays below its node, to be found there

        with open(self.folder / f"{name}.out", "ab") as output:
            self._daemons[name] = subprocess.Popen(
                [shutil.which(program, path=PATH), *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=keep_together,
            )

    def _kill(self, name):
        """Kill the daemon and all that it started. What stands still first starts no more."""
        daemon = self._daemons.pop(name)
        halted = set()
        while daemon.poll() is None and (others := _family(daemon.pid) - halted):
            _signal(others, signal.SIGSTOP)
            halted |= others
        _signal(halted, signal.SIGKILL)
        daemon.wait()

    def _wait(self, what, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            for name, daemon in self._daemons.items():
                if daemon.poll() is not None:
                    said = (
                        (self.folder / f"{name}.out")
                        .read_text(errors="replace", encoding="utf-8")
                        .strip()
                    )
                    raise RuntimeError(f"{name} ended at once, saying: {said.splitlines()[-1:]}")
            if time.monotonic() > end:
                raise RuntimeError(f"Not within {seconds} s: {what}. See the logs in {self.folder}")
            time.sleep(0.1)


def _signal(processes, number):
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _family(process):
    """The ids of the process and of all below it."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(
                stat.read_text(errors="replace", encoding="utf-8").rpartition(")")[2].split()[1]
            )
            children.setdefault(parent, []).append(int(stat.parent.name))
    family = [process]
    for member in family:
        family += children.get(member, [])
    return set(family)


def _free_ports(count):
    with contextlib.ExitStack() as open_ones:
        bound = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        for each in bound:
            open_ones.enter_context(each)
        return [each.getsockname()[1] for each in bound]
