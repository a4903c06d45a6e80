"""The benchmark is fair: peers do the same work, one that is missing is skipped with a line."""

import shutil
from importlib.util import find_spec

import numpy as np
import peers
import processes
import pytest
import run

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def work(digits):
    whole = run.make_work(digits)
    return whole._replace(order=whole.order[:60])


def fails(work):
    raise OSError("no such device")


def trained(start, work):
    train, kernel = start(work)
    train(work.order[:40])
    train(work.order[40:])
    return kernel()


@pytest.fixture(scope="module")
def by_ours(work):
    return trained(peers.ours, work)


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.title)
def test_a_peer_takes_the_steps_that_we_take(peer, work, by_ours):
    if find_spec(peer.package) is None:
        pytest.skip(f"{peer.package} is not installed: it is optional")
    if peer.start is peers.limit and not shutil.which("cc"):
        pytest.skip("there is no C compiler: it is optional")
    # In a process of its own, as the benchmark has it: not all of them bear one another.
    kernel = processes.call(trained, peer.start, work, KERAS_BACKEND="tensorflow")
    assert kernel.shape == work.kernel.shape
    if peer.same_work:
        assert abs(by_ours - work.kernel).max() > 3e-3
        # PyTorch's Adam adds its epsilon after the correction: it tells at tiny gradients.
        atol = 5e-4 if peer.package == "torch" else 2e-5
        np.testing.assert_allclose(kernel, by_ours, atol=atol)


def test_a_peer_that_is_missing_or_fails_is_skipped_with_a_line(work, monkeypatch, capsys):
    listed = [
        peers.Peer("Someone", fails, "no_such_package"),
        peers.Peer("Someone else", fails, "numpy"),
        peers.Peer("NumPy", peers.numpy_blas, "numpy"),
    ]
    monkeypatch.setattr(run, "PEERS", listed)
    rows = run.compare(work, "jax", at_once=2, rounds=1)  # which starts sooner
    said = capsys.readouterr().out
    assert "Someone: skipped, no_such_package is not installed" in said
    assert "Someone else: skipped, it failed: " in said
    assert [row["title"] for row in rows][0] == "NumPy" and len(rows) == 3
    for row in rows:
        assert row["ratio"] > 0 and row["seconds"] > 0 and row["peak_memory_bytes"] > 2**24


def test_what_fails_in_a_process_of_its_own_is_said(work):
    with pytest.raises(RuntimeError, match="no such device"):
        processes.call(fails, work)


def test_our_loop_is_timed_under_other_flags_in_turn_with_itself(work, capsys):
    run.hold_flags("--xla_cpu_enable_fast_math=false", work, "jax", (2,), rounds=1)
    title, row = capsys.readouterr().out.strip().splitlines()
    assert "XLA_FLAGS=--xla_cpu_enable_fast_math=false" in title
    count, ratio, seconds, without = map(float, row.split())
    assert count == 2 and ratio == pytest.approx(seconds / without, abs=0.1)
