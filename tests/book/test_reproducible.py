"""Same in, same out: chapters executed again, to the byte; two backends, closely."""

import io
import json
import shutil

import execute
import miniature
import pytest
import verify as script
from conftest import ROOT, called

#: Chapters that draw, train and compare, and what they leave.
AGAIN = ("setting/mnist", "techniques/dropout", "corrected", "beyond/deeper")
LEFT = ("dropout.npz", "dropout_tuned.npz", "dropout.film")
LEFT += ("drawn_weights.npz", "l2_path.npz", "deeper_claims.json")


def verify(build, other):
    return called(script.main, "--build", build, "--against", other)


@pytest.mark.thorough
def test_chapters_that_are_executed_again_leave_the_same_results_and_pages_to_the_byte(
    built, tmp_path
):
    """In a folder with the results that they read of others, and without their own."""
    results = shutil.copytree(built / "results", tmp_path / "results")
    for name in LEFT:
        (results / name).unlink()
    settings = json.loads((built / "settings.json").read_text())
    for page in AGAIN:
        output = tmp_path / "executed" / f"{page}.ipynb"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RESULTS_DIR", str(results))
            patch.setenv("TQDM_DISABLE", "1")
            patch.setenv("KERAS_BACKEND", settings["backend"])
            for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
                patch.setenv(threads, "1")  # as Snakemake has it; more would add in another order
            execute.execute(ROOT / "book" / f"{page}.ipynb", output, settings, io.StringIO())
        assert output.read_bytes() == (built / "executed" / f"{page}.ipynb").read_bytes(), page
    for name in LEFT:
        assert (results / name).read_bytes() == (built / "results" / name).read_bytes(), name


@pytest.mark.thorough
def test_another_backend_stays_within_the_tolerance_and_verify_says_so(trained, tmp_path):
    folder = miniature.write(tmp_path / "book", trains=True)
    process = miniature.make(folder, BACKEND="tensorflow")
    assert process.returncode == 0, process.stderr
    process = verify(trained / "_build", folder / "_build")
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
