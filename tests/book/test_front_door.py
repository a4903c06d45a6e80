"""What happens before anything is built: checkouts, settings, environments, whose a folder is."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, called

from workflow.build import contents, engine, folder
from workflow.site import serve
from workflow.tools import clean

pytestmark = pytest.mark.skipif(os.name == "nt", reason="asks sh and make as they are elsewhere")


def run(*command, cwd=ROOT, **environment):
    # make test's own make would say where it is
    ours = ("MNIST_DIR", "DATA_DIR", "MAKEFLAGS", "MAKELEVEL")
    known = {k: v for k, v in os.environ.items() if k not in ours}
    return subprocess.run(
        command, cwd=cwd, env=known | environment, capture_output=True, encoding="utf-8"
    )


def test_a_checkout_has_the_same_bytes_whatever_git_is_set_to(tmp_path):
    """Git for Windows sets core.autocrlf, and shells stop at a carriage return."""
    given = ["-c", "core.autocrlf=true", "clone", "--quiet", "--depth=1", ROOT.as_uri()]
    if run("git", *given, str(tmp_path / "clone")).returncode:
        pytest.skip("this is no clone of a repository")
    listed = run("git", "ls-files", "--eol", cwd=tmp_path / "clone").stdout.splitlines()
    assert len(listed) > 200 and not [line for line in listed if "crlf" in line or "mixed" in line]


def test_the_makefile_has_nothing_that_make_of_macos_does_not_know():
    """That is 3.81, of 2006. NEWS of GNU make says what came later."""
    later = r"override export|export override|\$\(file |!=|::=|\bundefine\b|\bprivate\b|\.ONESHELL"
    assert not re.findall(later, (ROOT / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "setting", ["JOBS=0", "JOBS=-1", "JOBS=abc", "JOBS=1 2", "GPU=-1", "PORT="]
)
def test_a_number_that_is_none_is_refused_at_once(setting):
    process = run("make", "help", setting)
    name, _, value = setting.partition("=")
    assert (
        process.returncode and f"{name}='{value}' is unknown. Expected a number" in process.stderr
    )


@pytest.mark.parametrize("name", ["DATA", "PRESET", "BACKEND", "JOBS", "BUILD"])
def test_what_other_tools_have_put_into_the_environment_is_passed_over(name):
    process = run("make", "help", **{name: "/data/me"})
    assert process.returncode == 0 and "(_build/html/index.html)" in process.stdout
    assert f"{name}=/data/me in the environment is not read" in process.stdout


def test_a_value_of_ours_is_taken_from_the_environment():
    process = run("make", "--no-print-directory", "-n", "book", DATA="digits", PRESET="quick")
    assert "--preset quick --dataset 'digits'" in process.stdout
    own = run("make", "--no-print-directory", "-n", "book", "DATA=folder:it's mine")
    assert "--dataset 'folder:it'\\''s mine'" in own.stdout


@pytest.mark.parametrize("name", ["MNIST_DIR", "DATA_DIR"])
@pytest.mark.parametrize("given", ["it's mine", "~/it's mine"])
def test_a_folder_of_data_is_found_where_it_was_given(tmp_path, name, given):
    """Relative, or below a home that the shell left to be found; CDPATH would print two paths."""
    (tmp_path / "it's mine").mkdir()
    shown = ["-f", str(ROOT / "Makefile"), "--eval", f'shown: ; @echo "$${name}"', "shown"]
    process = run(
        "make", *shown, f"{name}={given}", cwd=tmp_path, CDPATH=str(tmp_path), HOME=str(tmp_path)
    )
    assert process.stdout.splitlines() == [str(tmp_path / "it's mine")], process.stderr


@pytest.mark.parametrize("machine, said", [
    ("Darwin x86_64", "for Intel Macs. Expected Linux"), ("Linux riscv64", "for riscv64."),
])  # fmt: skip
def test_a_machine_without_wheels_is_told_so_before_anything_is_installed(tmp_path, machine, said):
    system, kind = machine.split()
    uname = tmp_path / "uname"
    uname.write_text(f"#!/bin/sh\n[ $1 = -s ] && echo {system} || echo {kind}\n", encoding="utf-8")
    uname.chmod(0o755)
    script = str(ROOT / "workflow" / "tools" / "environment.sh")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    process = run("sh", script, cwd=tmp_path, PATH=path)
    assert process.returncode == 1 and said in process.stderr and "dev container" in process.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_environment_of_another_folder_is_made_anew(tmp_path):
    """Its commands name the folder that it was made in."""
    here = tmp_path / "here"
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "workflow/tools/environment.sh"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, here / name)
    (here / ".venv" / "bin").mkdir(parents=True)
    (here / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (here / ".venv" / ".installed").write_text(f"{here.resolve()}/.venv\n", encoding="utf-8")

    def would_install(place):
        return "environment.sh" in run("make", "-n", "strip", cwd=place).stdout

    assert not would_install(here)
    (tmp_path / "lent").mkdir()
    for path in here.iterdir():
        (tmp_path / "lent" / path.name).symlink_to(path)
    assert not would_install(tmp_path / "lent")
    moved = here.rename(tmp_path / "moved")
    assert would_install(moved)
    (moved / ".venv" / ".installed").write_text(f"{moved.resolve()}/.venv\n", encoding="utf-8")
    assert not would_install(moved)
    (moved / ".venv" / "bin" / "python").unlink()  # as after an upgrade of Python
    assert would_install(moved)


@pytest.mark.parametrize("name, said", {
    "..": "holds the project itself", "book/build": "lies among the project's own files",
    "src": "lies among", "a" * 300: "cannot be a folder", "README.md": "is a file",
    "a{b}": "has '{' and '}' in its name",
}.items())  # fmt: skip
def test_a_build_has_a_folder_of_its_own(name, said):
    with pytest.raises(folder.NotOurs, match=re.escape(f"BUILD={ROOT / name} {said}")):
        folder.check(ROOT / name)


def test_a_folder_of_somebodys_own_is_neither_built_in_nor_cleared(tmp_path):
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "thesis.html").touch()
    said = "holds what no build has put there: html. Expected"
    assert said in called(clean.main, "--build", tmp_path).stderr
    process = run("make", "--no-print-directory", "book", "DATA=digits", f"BUILD={tmp_path}")
    assert process.returncode and said in process.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["html", "thesis.html"]


def test_what_a_build_has_begun_is_cleared_when_it_is_over(tmp_path):
    import filelock

    build = folder.claim(tmp_path / "a build's own")
    with filelock.FileLock(build / ".lock"):
        assert "A build is at work in" in called(clean.main, "--build", build).stderr
    (tmp_path / "link").symlink_to(build)
    assert called(clean.main, "--build", tmp_path / "link").returncode == 0
    assert [*tmp_path.iterdir()] == []


@pytest.fixture
def written(tmp_path):
    """Writes a book of some settings into a folder of builds, as far as it matters here."""

    def write(preset):
        settings = {"preset": preset, "dataset": "digits", "backend": "jax"}
        folder.make_room(tmp_path, settings)
        for name in ("executed/l2.ipynb", "html/index.html", "site.json", "settings.json"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(json.dumps(settings), encoding="utf-8")
        return settings

    return write


def held(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_a_book_is_set_aside_while_another_is_built_and_comes_back(tmp_path, written):
    paper = written("paper")
    before = held(tmp_path)
    aside = folder.make_room(tmp_path, paper | {"preset": "quick"})
    assert aside == tmp_path / "kept" / "paper-digits-jax" and held(aside) == before
    assert held(tmp_path / "html") == held(aside / "html")  # which is read until there is another
    assert not (tmp_path / "executed").exists()
    written("quick")
    folder.make_room(tmp_path, paper)
    assert {k: v for k, v in held(tmp_path).items() if not k.startswith("kept")} == before


@pytest.mark.parametrize("struck", range(11))
def test_who_is_killed_between_two_moves_loses_nothing(tmp_path, written, monkeypatch, struck):
    """Whichever book is asked for next."""
    books = {preset: written(preset) for preset in ("paper", "quick")}
    left, rename = struck, folder.Path.rename

    def killed(path, target):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(folder.Path, "rename", killed)
        folder.make_room(tmp_path, books["paper"])
    for preset in ("quick", "paper"):
        folder.make_room(tmp_path, books[preset])
        assert (
            json.loads((tmp_path / "executed/l2.ipynb").read_text(encoding="utf-8"))
            == (books[preset])
        )
        assert (tmp_path / "html" / "index.html").is_file()


def test_a_port_that_another_program_has_is_no_traceback(tmp_path):
    assert "Run make book first" in called(serve.main, "--build", tmp_path, "--port", 1).stderr
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").touch()
    with socket.create_server(("", 0)) as taken:
        words = ["--build", tmp_path, "--port", taken.getsockname()[1]]
        said = called(serve.main, *words).stderr
    assert "another program has it. Expected a free one" in said and "\n" not in said.strip()


@pytest.mark.parametrize("text", [
    "root: index\n  - file: x", "- index", "", "chapters: {a: b}", "root: none", "root: index.md",
    "root: index\nchapters:\n- file: index",
])  # fmt: skip
def test_a_list_of_pages_that_is_none_is_named(tmp_path, monkeypatch, text):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "index.md").touch()
    (tmp_path / "_toc.yml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(contents, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"^_toc.yml .*Expected"):
        contents.pages()


@pytest.mark.parametrize("said, word", [
    ("Traceback\n  a line\nOSError: [Errno 28] No space left", "left. Expected that this, HOME, T"),
    ("SyntaxError in line 3 of Snakefile:\nbad\n", "SyntaxError in line 3 of Snakefile: bad. Exp"),
    ("Error in rule l2\nWorkflowError: at least one", "What Snakemake has to say"),
    ("Error in rule l2\nTerminating processes on user request", "It was stopped; the next build"),
])  # fmt: skip
def test_why_a_workflow_did_not_end_well_is_said_and_not_only_where_it_is(tmp_path, said, word):
    log = tmp_path / "snakemake.log"
    log.write_text(said, encoding="utf-8")
    reason = engine.reason(log)
    assert word in reason and "a line" not in reason and "\n" not in reason


@pytest.mark.thorough
def test_jupyter_books_own_command_renders_what_has_been_executed(whole, tmp_path):
    """Without our PYTHONPATH, and without README and what else stands in the root."""
    book = shutil.copytree(whole, tmp_path / "book", symlinks=True)
    shutil.copy(ROOT / "README.md", book)
    (book / "_build" / "html" / "index.html").unlink()
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "."]
    known = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    asked = dict(cwd=book, env=known, capture_output=True, encoding="utf-8")
    process = subprocess.run(command, **asked)
    assert process.returncode == 0 and not process.stderr, process.stderr
    html = book / "_build" / "html"
    assert not (html / "README.html").exists() and (html / "_static" / "book.css").is_file()
    page = (html / "techniques" / "l2.html").read_text(encoding="utf-8")
    assert "quick build" in page and "Content-Security-Policy" in page
    shutil.rmtree(book / "_build")
    process = subprocess.run(command, **asked)
    assert process.returncode and process.stderr.splitlines()[-1].startswith("No chapter has been")


@pytest.mark.thorough
def test_the_package_can_be_installed_and_says_what_it_is(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    assert run(sys.executable, "-c", code, cwd=source).returncode == 0
    shutil.unpack_archive(*tmp_path.glob("*.whl"), target, "zip")
    code = "from regularization.study import registry; print(registry.__file__)"
    process = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(target))
    assert process.stdout.startswith(str(target)), process.stderr
    process = run(sys.executable, "-m", "regularization", cwd=tmp_path, PYTHONPATH=str(target))
    assert len(process.stdout.splitlines()) == 3 and "make book" in process.stdout
