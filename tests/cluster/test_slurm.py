"""The book and sweeps on a real Slurm of two nodes: the same results, whatever the cluster does."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time

import miniature
import pytest
import slurm

pytestmark = [pytest.mark.thorough, pytest.mark.first]

#: Seconds after which a build on the cluster has hung.
HUNG = 400
SWEEP = """
seeds = 8
steps = 200
models_per_job = 8
techniques.l2.strength = [1e-3, 1e-2]
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
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        try:
            with slurm.cluster(folder, nodes=2, cpus=4) as running:
                yield running
        except slurm.Missing as error:
            pytest.skip(f"Slurm cannot be had: {error}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A miniature with a profile for the cluster of the tests, and a sweep of two jobs."""
    folder = miniature.write(tmp_path_factory.mktemp("book"), trains=True)
    profile = folder / "profiles" / "test" / "config.yaml"
    profile.parent.mkdir()
    profile.write_text(PROFILE, encoding="utf-8")
    (folder / "small.toml").write_text(SWEEP, encoding="utf-8")
    return folder


def sweep(build, profile="test"):
    words = ["make", "--no-print-directory", "sweep", "CONFIG=small.toml", "DATA=digits"]
    return [*words, f"BUILD={build}", f"PROFILE={profile}"]


def table(folder, build):
    return (folder / build / "sweeps" / "small.csv").read_bytes()


@pytest.fixture(scope="module")
def local(folder):
    """The table of the sweep, trained on this machine."""
    assert subprocess.run(sweep("_local", ""), cwd=folder).returncode == 0
    return table(folder, "_local")


@contextlib.contextmanager
def at_work(command, cluster, folder):
    """Let something happen to the cluster while it works for a command, which is to end well."""
    said = folder / "said"
    with (
        open(said, "w", encoding="utf-8") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=cluster.environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
            assert process.wait(HUNG) == 0, said.read_text(encoding="utf-8")[-4000:]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def a_job(cluster, seconds=3, after=""):
    """Wait for a job that began `after` another, let it work for some seconds, and return it."""
    end = time.monotonic() + HUNG
    while time.monotonic() < end:
        jobs = [job for job in cluster.jobs() if job.state == "RUNNING"]
        if jobs := [job for job in jobs if int(job.id) > int(after or 0)]:
            time.sleep(seconds)
            return jobs[0]
        time.sleep(0.2)
    raise TimeoutError(f"No job ran within {HUNG} s.")


def test_the_book_is_the_same_to_the_bit_though_a_job_is_cancelled_and_a_node_goes_down(
    cluster, folder, request
):
    trained = request.getfixturevalue("trained")  # built only where there is a cluster
    with at_work(miniature.command(PROFILE="test"), cluster, folder):
        cancelled = a_job(cluster)
        cluster.command("scancel", cancelled.id)
        lost = a_job(cluster, after=cancelled.id).node
        cluster.stop_node(lost)
    states = cluster.command("squeue", "-h", "-t", "all", "-o", "%T").split()
    assert states.count("CANCELLED") == 1 and len(states) > len(miniature.TECHNIQUES) + 2
    assert miniature.contents(folder / "_build") == miniature.contents(trained / "_build")
    cluster.start_node(lost)


def test_the_controller_may_restart(cluster, folder, local):
    with at_work(sweep("_restarted"), cluster, folder):
        a_job(cluster, seconds=9)  # a job outlives its controller from its first step on
        cluster.stop_controller()
        time.sleep(3)
        cluster.start_controller()
    assert table(folder, "_restarted") == local


def test_what_a_killed_sweep_left_at_work_is_waited_for_and_not_done_twice(cluster, folder, local):
    """The jobs go on; those of the next sweep wait for them, and find the blocks trained."""
    with pytest.raises(AssertionError), at_work(sweep("_killed"), cluster, folder) as process:
        a_job(cluster)
        os.killpg(process.pid, signal.SIGKILL)
    assert cluster.jobs()
    with at_work(sweep("_killed"), cluster, folder):
        pass
    assert table(folder, "_killed") == local
