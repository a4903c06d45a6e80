"""The book and sweeps on a real Slurm of two nodes: the same results, whatever the cluster does."""

import os
import signal
import subprocess
import threading
import time

import miniature
import pytest
import slurm

#: Seconds after which a build on the cluster has hung.
HUNG = 240
SWEEP = """
seeds: 8
steps: 200
models_per_job: 8
techniques: {l2: {strength: [1e-3, 1e-2]}}
"""
PROFILE = """
executor: slurm
jobs: 4
retries: 2
latency-wait: 10
slurm-status-command: squeue
slurm-no-account: true
slurm-init-seconds-before-status-checks: 12
default-resources:
  slurm_partition: test
  mem_mb: 2000
  runtime: 10
"""


@pytest.fixture(scope="module")
def cluster():
    # Sockets have short names: pytest's own folders are too deep.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        try:
            with slurm.cluster(folder, nodes=2, cpus=4) as running:
                yield running
        except slurm.Missing as error:
            pytest.skip(f"Slurm cannot be had: {error}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A miniature with a profile for the cluster of the tests, and a sweep of two jobs."""
    folder = miniature.write(tmp_path_factory.mktemp("book"))
    profile = folder / "profiles" / "test" / "config.yaml"
    profile.parent.mkdir()
    profile.write_text(PROFILE)
    (folder / "small.yaml").write_text(SWEEP)
    return folder


def command(build, profile="test"):
    words = ["make", "sweep", "CONFIG=small.yaml", "DATA=digits", f"BUILD={build}"]
    return ["timeout", "-k", "5", str(HUNG), *words, f"PROFILE={profile}"]


def table(folder, build, environment=None, profile="test"):
    """Train the sweep; return its table."""
    process = subprocess.run(
        command(build, profile), cwd=folder, env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-4000:]
    return (folder / build / "results" / "small.csv").read_bytes()


@pytest.fixture(scope="module")
def local(folder):
    """The table of the sweep, trained on this machine."""
    return table(folder, "_local", profile="")


def while_it_runs(cluster, happens):
    """Let something happen to the first job that has been at work for a moment."""

    def wait():
        end = time.monotonic() + HUNG
        while time.monotonic() < end:
            if jobs := [job for job in cluster.jobs() if job.state == "RUNNING"]:
                time.sleep(3)
                return happens(jobs[0])
            time.sleep(0.2)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_the_book_is_the_same_to_the_bit_though_a_job_is_cancelled(cluster, folder):
    words = ["timeout", "-k", "5", str(HUNG), *miniature.command(PROFILE="test")]
    cancelled = while_it_runs(cluster, lambda job: cluster.command("scancel", job.id))
    process = subprocess.run(
        words, cwd=folder, env=cluster.environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-4000:]
    cancelled.join()
    states = cluster.command("squeue", "-h", "-t", "all", "-o", "%T").split()
    assert states.count("CANCELLED") == 1 and len(states) == len(miniature.TECHNIQUES) + 2
    assert miniature.make(folder, "_local").returncode == 0
    assert miniature.contents(folder / "_build") == miniature.contents(folder / "_local")


def test_a_node_that_goes_down_costs_a_sweep_time_and_nothing_else(cluster, folder, local):
    crash = while_it_runs(cluster, lambda job: cluster.stop_node(job.node))
    assert table(folder, "_down", cluster.environment) == local
    crash.join()
    (lost,) = set(cluster.nodes) - cluster.up()
    cluster.start_node(lost)


def test_the_controller_may_restart(cluster, folder, local):
    def restart(job):
        time.sleep(6)  # a job outlives its controller from its first step on
        cluster.stop_controller()
        time.sleep(3)
        cluster.start_controller()

    restarted = while_it_runs(cluster, restart)
    assert table(folder, "_restarted", cluster.environment) == local
    restarted.join()


def test_what_a_killed_sweep_left_at_work_is_waited_for_and_not_done_twice(cluster, folder, local):
    """The jobs go on; those of the next sweep wait for them, and find the blocks trained."""
    with subprocess.Popen(
        command("_killed"),
        cwd=folder,
        env=cluster.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while_it_runs(cluster, lambda job: os.killpg(process.pid, signal.SIGKILL)).join()
    assert cluster.jobs()
    assert table(folder, "_killed", cluster.environment) == local
