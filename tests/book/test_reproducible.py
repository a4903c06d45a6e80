"""Same in, same out: two cold builds of the whole book, to the byte; two backends, closely."""

import subprocess
import sys

import miniature
import pytest
from conftest import ROOT, build_book


def verify(build, other):
    command = [sys.executable, str(ROOT / "workflow" / "verify.py")]
    command += ["--build", str(build), "--against", str(other)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("built", ["digits"], indirect=True)
def test_two_cold_builds_have_the_same_results_and_pages_to_the_byte(built, tmp_path):
    process = build_book(tmp_path / "again", "digits")
    assert process.returncode == 0, process.stderr
    first, second = (miniature.contents(build) for build in (built, tmp_path / "again"))
    assert first.keys() == second.keys()
    assert not [name for name in first if first[name] != second[name]]
    process = verify(tmp_path / "again", built)
    assert process.returncode == 0 and "are the same, byte for byte" in process.stdout


def test_another_backend_stays_within_the_tolerance_and_verify_says_so(whole):
    process = miniature.make(whole, "tensorflow", BACKEND="tensorflow")
    assert process.returncode == 0, process.stderr
    process = verify(whole / "_build", whole / "tensorflow")
    assert process.returncode == 0, process.stderr
    assert "runs agree on jax and tensorflow within 0.01: the furthest apart is" in process.stdout


def test_a_byte_that_differs_is_named(tmp_path):
    for name, text in (("one", "1"), ("two", "2")):
        (tmp_path / name / "html").mkdir(parents=True)
        (tmp_path / name / "settings.json").write_text("{}")
        (tmp_path / name / "html" / "index.html").write_text(text)
    process = verify(tmp_path / "one", tmp_path / "two")
    assert process.returncode == 1 and "1 files of" in process.stderr
    assert "html/index.html" in process.stderr
