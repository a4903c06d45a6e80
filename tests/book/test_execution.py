"""Every chapter runs from top to bottom, leaves what it should, and runs again only when due."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT, build_book, dataset_of, saved, until

from regularization.study import presets
from regularization.study.registry import TECHNIQUES
from workflow.build import book, contents, dependencies, execute, kernels, progress, records


def executed(folder):
    return sorted((folder / "executed").rglob("*.ipynb"))


@pytest.mark.first  # for the book is built meanwhile
def test_every_chapter_was_executed_and_cleaned(built):
    names = {path.stem for path in executed(built)}
    assert names == {path.stem for path in NOTEBOOKS}
    dataset = dataset_of(built)
    for path in executed(built):
        notebook = nbformat.read(path, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in code)
        assert not {"papermill", "widgets"} & notebook.metadata.keys()
        injected = next(c for c in code if c.id == "injected-parameters")
        assert f'dataset = "{dataset}"' in injected.source and 'preset = "quick"' in injected.source
        kinds = {output.output_type for cell in code for output in cell.outputs}
        assert "error" not in kinds
        assert not any(o.get("name") == "stderr" for cell in code for o in cell.outputs)


def test_every_technique_left_its_results_as_its_recipe_says(built):
    for slug, experiment in TECHNIQUES.items():
        run = saved(built, slug)
        recipe = {"name": type(experiment.technique).__name__} | experiment.technique.settings()
        assert run.technique == recipe
        assert run.learning_rate == experiment.learning_rate
        size = presets.of("book", "quick")
        assert (run.steps, len(run.seeds)) == (size.steps, size.seeds) and run.preset == "quick"
        assert run.dataset == dataset_of(built)
        # All learn: chance is 10 %.
        assert min(run.test_accuracy) > 0.3
        best = saved(built, f"{slug}_tuned")
        assert best.technique["name"] == run.technique["name"] and best.preset == "quick"
        assert (best.steps, best.seeds) == (presets.of("tuning", "quick").steps, run.seeds)


def test_each_chapter_has_its_log_time_and_memory(built):
    for path in executed(built):
        page = path.relative_to(built / "executed").with_suffix("")
        assert (built / "logs" / page).with_suffix(".log").is_file()
        made = json.loads((built / "logs" / page).with_suffix(".json").read_text(encoding="utf-8"))
        assert made["seconds"] > 1 and made["peak_memory_mib"] > 100


def test_the_steps_that_a_bar_is_drawn_of_are_about_those_of_a_cold_build(built):
    known = json.loads(progress.STEPS.read_text(encoding="utf-8"))["quick"]
    assert {*known} <= {*contents.notebooks()}
    notes = [
        json.loads(line)
        for p in built.rglob("*.runs")
        for line in p.read_text(encoding="utf-8").splitlines()
    ]
    assert progress.trained_steps(notes) == pytest.approx(sum(known.values()), rel=0.3)


def test_a_second_build_runs_nothing(built):
    def times():
        files = (p for p in built.rglob("*") if p.is_file() and p.name != "snakemake.log")
        return {path: path.stat().st_mtime_ns for path in files}

    before = times()
    process = build_book(built, dataset_of(built))
    assert process.returncode == 0
    assert ".ipynb" not in process.stdout
    assert before == times()


def test_a_module_is_a_dependency_of_just_the_chapters_that_import_it():
    def names(page):
        paths = dependencies.of_notebook(ROOT / "book" / f"{page}.ipynb")
        return {path.rsplit("/", 1)[-1] for path in paths}

    assert {"data.py", "pictures.py", "style.py"} <= names("setting/mnist")
    assert not {"fit.py", "technique.py", "l2.py", "post.toml"} & names("setting/mnist")
    reached = {"backend.py", "fit.py", "technique.py", "l2.py", "post.toml", "presets.py"}
    assert reached <= names("comparison")
    records = {path.name for path in (ROOT / "published").glob("*.json")}
    assert records and records <= names("elsewhere/other_pictures")
    assert not records & names("comparison")
    assert {path.name for path in (ROOT / "bench" / "results").glob("*.json")} <= names("speed")


def notebook(folder, *sources, tags=("parameters",)):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata.tags = list(tags)
    path = folder / "chapter.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


SETTINGS = {"preset": "quick", "dataset": "digits", "backend": "tensorflow"}
PARAMETERS = 'preset = "quick"\ndataset = "auto"'


@pytest.mark.parametrize(
    "failing, words",
    {
        "1 / 0": ["ZeroDivisionError", "cell 2"],
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)": ["DeadKernelError"],
        "import time\ntime.sleep(60)": ["CellTimeoutError"],
    }.items(),
    ids=["raises", "kernel dies", "too slow"],
)
def test_a_chapter_that_fails_says_so_and_leaves_nothing(tmp_path, monkeypatch, failing, words):
    monkeypatch.setitem(execute.TIMEOUT, "quick", 5)
    path = notebook(tmp_path, PARAMETERS, failing)
    output = tmp_path / "out" / "chapter.ipynb"
    log = io.StringIO()
    with pytest.raises(execute.ChapterError) as caught:
        execute.execute(path, output, SETTINGS, log)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    assert "Expected it to run to its end" in message
    assert all(word in message for word in words)
    assert not list(output.parent.iterdir()) and log.getvalue()


@pytest.mark.parametrize("magic", ["%timeit -n1 1+1", "!echo 1", "%%time\n1 + 1", "print?"])
def test_a_chapter_may_hold_whatever_ipython_runs(tmp_path, magic):
    imports = "from regularization.core import data"
    path = notebook(tmp_path, PARAMETERS, imports, magic)
    assert any(each.endswith("core/data.py") for each in dependencies.of_notebook(path))
    execute.execute(path, tmp_path / "out.ipynb", SETTINGS, io.StringIO())


def test_half_a_line_keeps_no_other_chapter_from_being_known(tmp_path):
    """What depends on what is asked of all chapters first; who executes this one names its cell."""
    path = notebook(tmp_path, PARAMETERS, "from regularization.core import data", "for i in (")
    assert any(each.endswith("core/data.py") for each in dependencies.of_notebook(path))
    with pytest.raises(execute.ChapterError, match="chapter.ipynb failed in its cell 3: Syntax"):
        execute.execute(path, tmp_path / "out.ipynb", SETTINGS, io.StringIO())


CELL = '{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"cell_type": "raw", %s}]}'


@pytest.mark.parametrize(
    "text",
    ["", "<<<<<<< HEAD\n{}", "[]", '{"cells": 1}', CELL % '"metadata": {}, "source": 5'],
)
def test_a_chapter_that_is_no_notebook_is_named(tmp_path, text):
    path = tmp_path / "chapter.ipynb"
    path.write_text(text, encoding="utf-8")
    assert len(dependencies.of_notebook(path)) <= 1
    with pytest.raises(execute.ChapterError, match="chapter.ipynb cannot be read: .* Expected a"):
        execute.execute(path, tmp_path / "out.ipynb", SETTINGS, io.StringIO())


def test_a_chapter_is_executed_by_this_python_alone(tmp_path, monkeypatch):
    """Whatever kernels, what of IPython and which backend of Matplotlib somebody has set up."""
    kernel = tmp_path / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    known = {"argv": ["/no/python", "{connection_file}"], "display_name": "", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(known), encoding="utf-8")
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("KERNEL", raising=False)
    path, output = (
        notebook(tmp_path, PARAMETERS, "import sys\nprint(sys.executable)"),
        tmp_path / "o",
    )
    read = nbformat.read(path, as_version=4)
    read.metadata = {}  # as another editor may leave it
    nbformat.write(read, path)
    execute.execute(path, output, SETTINGS, io.StringIO())
    assert nbformat.read(output, as_version=4).cells[-1].outputs[0].text == f"{sys.executable}\n"


def test_a_chapter_without_parameters_is_refused(tmp_path):
    path = notebook(tmp_path, PARAMETERS, tags=())
    with pytest.raises(execute.ChapterError, match="does not take preset and dataset"):
        execute.execute(path, tmp_path / "out.ipynb", SETTINGS, io.StringIO())


def test_a_cleaned_copy_is_the_same_after_each_execution(tmp_path):
    noise = "import sys\nfrom tqdm.auto import tqdm\nprint(1)\nprint(2, file=sys.stderr)\n"
    path = notebook(tmp_path, PARAMETERS, noise + "[*tqdm([3])];")
    hashes = set()
    for name in ("a", "b"):
        output = tmp_path / f"{name}.ipynb"
        execute.execute(path, output, SETTINGS, io.StringIO())
        hashes.add(hashlib.sha256(output.read_bytes()).hexdigest())
    assert len(hashes) == 1
    finished = nbformat.read(output, as_version=4)
    assert [o.text for cell in finished.cells for o in cell.outputs] == ["1\n"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere kernels are not forked")
def test_a_forked_kernel_has_every_module_of_the_book_before_its_first_cell(tmp_path, monkeypatch):
    """So that no chapter pays for an import; rooms without an __init__.py are easily missed.

    Where a module was written since, a record would name what the kernel does not have: then it is
    a kernel of its own.
    """
    asks = (
        "import sys\nprint(*(name for name in sys.modules if name.startswith('regularization.')))"
    )
    path, output = notebook(tmp_path, PARAMETERS, asks), tmp_path / "out.ipynb"

    def imported():
        execute.execute(path, output, SETTINGS, io.StringIO())
        return {*nbformat.read(output, as_version=4).cells[-1].outputs[0].text.split()}

    sources = shutil.copytree(ROOT / "src", tmp_path / "src")
    monkeypatch.setenv("PYTHONPATH", str(sources))
    for name in (kernels.NAME, "JUPYTER_PATH"):  # put back to what they were
        monkeypatch.setenv(name, "")
    with kernels.forked("tensorflow"):
        folder = Path(os.environ["JUPYTER_PATH"].split(os.pathsep)[0])
        until((folder / "socket").exists, 20, "a kernel to fork from")
        files = [file.relative_to(sources) for file in sources.rglob("[!_]*.py")]
        modules = {".".join(file.with_suffix("").parts) for file in files}
        assert len(modules) > 50 and modules <= imported()
        os.utime(sources / files[0])
        assert not imported()


@pytest.mark.skipif(os.name == "nt", reason="there a kernel is reached by ports")
@pytest.mark.parametrize("folder, transport", [("short", "ipc"), ("long" * 30, "tcp")])
def test_a_kernel_takes_no_port_that_another_might_take(tmp_path, monkeypatch, folder, transport):
    """Eight that began at once on a machine of 16 cores took seven; the eighth chapter failed.

    Sockets have names of a hundred characters at most: in a deeper folder there are ports still.
    """
    temporary = tempfile.mkdtemp(prefix=folder)
    monkeypatch.setattr(tempfile, "tempdir", temporary)
    asks = "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().transport)"
    output = tmp_path / "out.ipynb"
    execute.execute(notebook(tmp_path, PARAMETERS, asks), output, SETTINGS, io.StringIO())
    assert nbformat.read(output, as_version=4).cells[-1].outputs[0].text == f"{transport}\n"
    os.rmdir(temporary)  # nothing is left in it


def test_a_chapter_is_executed_again_just_when_what_it_depends_on_has_changed(tmp_path):
    path = notebook(tmp_path, PARAMETERS, "open('count', 'a').write('x')")
    names = ("settings.json", "out.ipynb", "read.json", "more.json")
    settings, output, read, more = (tmp_path / name for name in names)
    settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
    more.touch()

    def executions(*others):
        command = [sys.executable, "-m", "workflow.build.execute", str(path), str(output)]
        command += ["--inputs", *map(str, (path, read, *others)), "--build", str(tmp_path)]
        command += ["--page", "chapter", "--log", str(tmp_path / "log")]
        assert subprocess.run(command, cwd=ROOT).returncode == 0 and output.is_file()
        return len((tmp_path / "count").read_text(encoding="utf-8"))

    read.write_text("1", encoding="utf-8")
    assert executions() == 1
    read.write_text("1", encoding="utf-8")  # written anew, as it was
    assert executions() == 1
    read.write_text("2", encoding="utf-8")
    assert executions() == 2
    output.unlink()
    assert executions() == 3
    assert executions(more) == 4  # it depends on something that it did not depend on before


def test_a_chapter_whose_execution_was_broken_off_is_executed_again(tmp_path):
    """Its record is missing, and Snakemake has put the copy from before back as if it were new."""
    names = ["source", "executed/whole.ipynb", "executed/broken/off.ipynb", "html/index.html"]
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    made_from = records.hashes([tmp_path / "source"])
    records.write(tmp_path / "logs" / "whole.json", made_from, [tmp_path / "executed/whole.ipynb"])
    records.write(tmp_path / "site.json", made_from)
    another = {path: "another" for path in made_from}
    records.write(tmp_path / "logs" / "outgrown.json", another)
    book.forget_outdated(tmp_path)
    assert executed(tmp_path) == [tmp_path / "executed" / "whole.ipynb"]
    # Who counts the chapters that are done counts records.
    assert [*(tmp_path / "logs").iterdir()] == [tmp_path / "logs" / "whole.json"]
    # The site is due; but it is read until the next one is whole.
    assert not (tmp_path / "site.json").exists() and (tmp_path / "html" / "index.html").exists()


def test_a_file_that_is_not_there_is_no_empty_one(tmp_path):
    path, record = tmp_path / "source", tmp_path / "record.json"
    path.touch()
    records.write(record, records.hashes([path]))
    assert records.is_current(record)
    path.unlink()
    assert not records.is_current(record)
    records.write(record, records.hashes([path]))  # made without it
    assert records.is_current(record)
    path.touch()
    assert not records.is_current(record)


@pytest.mark.parametrize("name", ["source", "output"])
def test_a_record_is_current_as_long_as_all_that_it_names_is_as_it_was(tmp_path, name):
    for file in ("source", "output"):
        (tmp_path / file).write_text("1", encoding="utf-8")
    record = tmp_path / "record.json"
    records.write(record, records.hashes([tmp_path / "source"]), [tmp_path / "output"])
    assert records.is_current(record)
    (tmp_path / name).write_text("1", encoding="utf-8")  # anew, as it was
    assert records.is_current(record)
    (tmp_path / name).write_text("2", encoding="utf-8")
    assert not records.is_current(record)
    (tmp_path / name).unlink()
    assert not records.is_current(record)
    assert not records.is_current(tmp_path / "none.json")


@pytest.mark.parametrize(
    "variable, value", [("PRESET", "papre"), ("DATA", "cifar"), ("BACKEND", "torch")]
)
def test_make_refuses_an_unknown_setting_before_it_does_anything(variable, value, tmp_path):
    process = subprocess.run(
        ["make", "book", f"{variable}={value}", f"BUILD={tmp_path}/b"],
        cwd=ROOT, capture_output=True,  encoding="utf-8",
    )  # fmt: skip
    assert process.returncode != 0 and not (tmp_path / "b").exists()
    assert f"{variable}='{value}' is unknown. Expected one of:" in process.stderr


def test_data_that_cannot_be_had_stop_the_build_with_a_paragraph(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    process = build_book(tmp_path / "b", "mnist", MNIST_DIR=str(empty))
    assert process.returncode != 0 and not (tmp_path / "b").exists()
    message = process.stderr.splitlines()[0]
    assert f"MNIST_DIR={empty} has no train-images" in message and "Expected" in message
    assert "Traceback" not in process.stderr


def test_settings_are_those_asked_for(built):
    settings = json.loads((built / "settings.json").read_text(encoding="utf-8"))
    assert settings["preset"] == "quick"
    assert settings["backend"] == os.environ.get("KERAS_BACKEND", "tensorflow")
