"""A new technique from the template: green at once, in a copy of the book, or refused whole."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import ROOT

from regularization.analysis import measures
from regularization.core.backend import ops
from regularization.core.settings import Settings
from regularization.core.technique import Technique
from regularization.report import pictures
from regularization.results.run import read_arrays
from regularization.results.store import train
from workflow.tools import chapter as script

RNG = np.random.default_rng(0)

KEPT = ("book", "src", "tests", "workflow", "_toc.yml", "_config.yml", "Makefile", "pyproject.toml")


@pytest.fixture
def copy(tmp_path):
    """A copy of what the template reads and writes, and what tests a chapter."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
    for name in KEPT:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, tmp_path / "book-copy" / name, ignore=ignored)
        else:
            shutil.copy(path, tmp_path / "book-copy")
    return tmp_path / "book-copy"


def chapter(folder, name, title):
    command = [sys.executable, "-m", "workflow.tools.chapter", f"--name={name}", f"--title={title}"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")


def texts(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_new_technique_is_new_files_and_a_line_in_each_list(copy):
    before = texts(copy)
    process = chapter(copy, "zz_template_check", "A template check")
    assert process.returncode == 0, process.stderr
    after = texts(copy)
    new = {path for path in after if path not in before}
    assert new == {
        "src/regularization/core/techniques/zz_template_check.py",
        "tests/unit/techniques/test_zz_template_check.py",
        "book/techniques/zz_template_check.ipynb",
    }
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {
        "src/regularization/core/techniques/__init__.py",
        "src/regularization/study/registry.py",
        "_toc.yml",
    }
    for path in changed:
        old, now = (each[path].decode().splitlines() for each in (before, after))
        (line,) = [line for line in now if line not in old]
        assert "zz_template_check" in line
        assert [each for each in now if each != line] == old
    written = "".join(after[path].decode() for path in new)
    assert "A template check" in written
    assert not any(word in written for word in ("SLUG", "CLASS", "TITLE"))


@pytest.mark.thorough
def test_it_is_green_at_once(copy):
    """Its own test, the tests of every technique and chapter, and the chapter itself at quick."""
    assert chapter(copy, "zz_template_check", "A template check").returncode == 0
    environment = os.environ | {
        "PYTHONPATH": str(copy / "src"),
        "RESULTS_DIR": str(copy / "results"),
        "TQDM_DISABLE": "1",
    }

    def run(*command):
        process = subprocess.run(
            [sys.executable, *command],
            cwd=copy,
            env=environment,
            capture_output=True,
            encoding="utf-8",
        )
        assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]

    run(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not test_fit or Zz"),
        *("tests/unit/techniques", "tests/unit/test_technique.py", "tests/unit/test_fit.py"),
        *("tests/unit/test_registry.py", "tests/book/test_notebooks.py"),
        "tests/book/test_quoted.py",
    )
    run("-m", "ruff", "check", "--quiet", "src", "tests", "book")
    run("-m", "ruff", "format", "--check", "--quiet", "src", "tests", "book")
    settings = {"preset": "quick", "dataset": "digits", "backend": os.environ["KERAS_BACKEND"]}
    (copy / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    run(
        *("-m", "workflow.build.execute", "book/techniques/zz_template_check.ipynb", "out.ipynb"),
        *("--build", ".", "--page", "techniques/zz_template_check", "--log", "log"),
        *("--inputs", "_toc.yml"),
    )
    kept = [read_arrays(path)[1]["about"] for path in (copy / "runs").glob("*.safetensors")]
    named = [about["settings"]["technique"] for about in kept]
    of_its_own = [each for each in named if each["name"] == "ZzTemplateCheck"]
    # As in the chapter, as it is tried, along its path, and what a reader tries.
    assert len(of_its_own) == 4


@pytest.mark.parametrize(
    "name, title, said",
    [
        ("", "A title", "NAME='' is no name"),
        ("zz_check", "", "TITLE='' is no title"),
        ("Smooth", "A title", "no name for a technique"),
        ("smooth-weights", "A title", "no name for a technique"),
        ("../smooth", "A title", "no name for a technique"),
        ("smooth__weights", "A title", "no name for a technique"),
        ("lambda", "A title", "no name for a technique"),
        ("smooth_tuned", "A title", "not ending in _tuned"),
        ("s" * 41, "A title", "no name for a technique"),
        ("dropout", "A title", "taken by a page, a module"),
        ("comparison", "A title", "taken by a page, a module"),
        ("technique", "A title", "taken by a page, a module"),
        ("drop_connect", "A title", "there is a class DropConnect"),
        ("density_weights", "A title", "taken by a page, a module"),
        ("zz_check", 'Say "zz_check"', "no title"),
        ("zz_check", "Two\nlines", "no title"),
        ("zz_check", "$x$ and `code`", "no title"),
        ("zz_check", "# A heading", "no title"),
        ("zz_check", "T" * 31, "no title"),
        ("zz_check", "Top 5", "no title"),
        ("none", "A title", "no name for a technique"),
        ("l2_path", "A title", "taken by a page"),
        ("ledger", "A title", "taken by a page"),
        ("pages", "A title", "taken by a page"),
        ("-x", "A title", "no name for a technique"),
        ("zz_check", "-x", "no title"),
    ],
)
def test_a_name_or_title_that_would_not_do_is_refused(name, title, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        script.check(name, title)
    assert "Expected" in str(caught.value) or "Choose another" in str(caught.value)


def test_what_is_refused_is_said_in_one_paragraph_and_nothing_is_written(copy):
    before = texts(copy)
    process = chapter(copy, "-x", "A title")
    assert process.returncode == 1 and "no name for a technique" in process.stderr
    assert process.stderr.count("\n") == 1 and "Traceback" not in process.stderr
    assert texts(copy) == before


def test_a_draft_of_that_name_is_left_as_it_is(copy):
    (copy / "book" / "techniques" / "zz_check.ipynb").write_text("a draft", encoding="utf-8")
    before = texts(copy)
    assert "taken" in chapter(copy, "zz_check", "A check").stderr and texts(copy) == before


@pytest.mark.parametrize("name", ["l10", "zz" + "_sharpness" * 3 + "_aware"])
def test_a_short_or_a_long_name_is_written_in_the_books_form(copy, name):
    assert chapter(copy, name, "A check").returncode == 0
    for words in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "--quiet", "src", "tests", "book"]
        assert subprocess.run(command, cwd=copy).returncode == 0


def test_a_second_time_it_is_refused(copy):
    assert chapter(copy, "zz_check", "Smooth").returncode == 0
    before = texts(copy)
    assert "taken" in chapter(copy, "zz_check", "Smooth").stderr and texts(copy) == before


def test_a_list_that_has_lost_its_mark_is_named(copy):
    path = copy / "src" / "regularization" / "study" / "registry.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace("`make chapter` adds", "something adds"),
        encoding="utf-8",
    )
    before = texts(copy)
    process = chapter(copy, "zz_check", "Smooth")
    assert process.returncode == 1 and "registry.py has lost the line" in process.stderr
    assert texts(copy) == before


def test_the_technique_of_contributing_md_does_what_it_says(digits):
    """Its code as it stands there: three lines that train, and the test that they are right."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    technique, test = re.findall(r"^ *```python\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    rough = train(Settings(steps=5_000, learning_rate=1e-3), digits)
    known = {"digits": digits, "pictures": pictures, "train": train, "Settings": Settings}
    exec(technique.replace("SmoothWeights(1e-3)", "SmoothWeights(1e-2)"), known)
    smoothness = [measures.smoothness(run.weights[0]) for run in (known["trial"], rough)]
    assert smoothness[0] > smoothness[1] + 0.1
    known |= {"np": np, "KERNEL": RNG.normal(size=(2, 10, 16)), "numpy": ops.convert_to_numpy}
    known["tensor"] = lambda array: ops.convert_to_tensor(np.float32(array))
    exec(textwrap.dedent(test), known)
    known["test_its_penalty_is_what_numpy_gets_by_hand"]()


def test_a_reader_s_technique_needs_no_ranges(digits):
    @dataclass(frozen=True)
    class Halved(Technique):
        part: float = 0.5

        def inputs(self, x, noise=None):
            return self.part * x

    run = train(Settings(Halved(), steps=50), digits)
    assert run.settings.to_json()["technique"] == {"name": "Halved", "part": 0.5}
    with pytest.raises(ValueError, match="should be a number"):
        Halved(part="half")
