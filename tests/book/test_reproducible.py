"""Same in, same out: chapters executed again, to the byte; two backends, closely."""

import io
import json

import miniature
import numpy as np
import pytest
import safetensors.numpy
from conftest import ROOT, called

from workflow.build import execute
from workflow.release import verify as script

#: Chapters that draw, train and compare.
AGAIN = ("setting/mnist", "techniques/dropout", "corrected", "why/strength")


def verify(build, other):
    return called(script.main, "--build", build, "--against", other)


@pytest.mark.thorough
def test_chapters_that_are_executed_again_train_and_give_the_same_to_the_byte(built, tmp_path):
    """With an empty store: what they train has the same names and arrays as in the build's."""
    settings = json.loads((built / "settings.json").read_text(encoding="utf-8"))
    for page in AGAIN:
        output = tmp_path / "executed" / f"{page}.ipynb"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RUNS_DIR", str(tmp_path / "runs"))
            patch.setenv("GIVEN_DIR", str(tmp_path / "given"))
            patch.setenv("TQDM_DISABLE", "1")
            patch.setenv("KERAS_BACKEND", settings["backend"])
            for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
                patch.setenv(threads, "1")  # as Snakemake has it; more would add in another order
            execute.execute(ROOT / "book" / f"{page}.ipynb", output, settings, io.StringIO())
        assert output.read_bytes() == (built / "executed" / f"{page}.ipynb").read_bytes(), page
    trained = [*(tmp_path / "runs").glob("*.safetensors")]
    assert len(trained) > 10
    for path in trained:
        ours, theirs = (
            safetensors.numpy.load_file(p / path.name) for p in (path.parent, built / "runs")
        )
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours), path.name
    films = [*(tmp_path / "given").glob("*.film")]
    assert films
    for path in films:
        assert path.read_bytes() == (built / "results" / path.name).read_bytes(), path.name


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
        (tmp_path / name / "settings.json").write_text("{}", encoding="utf-8")
        (tmp_path / name / "html" / "index.html").write_text(text, encoding="utf-8")
    process = verify(tmp_path / "one", tmp_path / "two")
    assert process.returncode == 1 and "1 files of" in process.stderr
    assert "html/index.html" in process.stderr
