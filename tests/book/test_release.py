"""make release: what it refuses; what it leaves: a commit, a tag, an archive and its checksum."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import miniature
import pytest
import yaml
from conftest import ROOT

from workflow.build import records


def git(folder, *words):
    who = ["-c", "user.name=A tester", "-c", "user.email=tester@example.org"]
    command = ["git", *who, *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, check=True, encoding="utf-8"
    ).stdout


def commit(folder, message):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


@pytest.fixture(scope="module")
def quick_once(whole, tmp_path_factory):
    """A repository of the miniature, and a quick build of it."""
    folder = shutil.copytree(whole, tmp_path_factory.mktemp("quick") / "book", symlinks=True)
    shutil.copytree(ROOT / "published", folder / "published")
    shutil.copy(ROOT / "CHANGELOG.md", folder)
    (folder / ".gitignore").write_text(
        "/_build/\n/.venv\n/.snakemake/\n__pycache__/\n", encoding="utf-8"
    )
    git(folder, "init", "--quiet")
    git(folder, "config", "user.name", "A tester")
    git(folder, "config", "user.email", "tester@example.org")
    commit(folder, "Begin a miniature")
    return folder


@pytest.fixture(scope="module")
def full_once(quick_once, tmp_path_factory):
    """The same as if it had been built at the preset paper on MNIST, and its results published."""
    folder = shutil.copytree(quick_once, tmp_path_factory.mktemp("full") / "book", symlinks=True)
    build = folder / "_build"
    for path in [build / "settings.json", *build.glob("results/*.json")]:
        values = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(
            json.dumps(values | {"preset": "paper", "dataset": "mnist"}, indent=1), encoding="utf-8"
        )
    settings = json.loads((build / "settings.json").read_text(encoding="utf-8"))
    (build / "settings.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    (build / "given").mkdir()
    for kept in ("given", "results"):  # where a chapter gives it, where readers take it from
        (build / kept / "ledger.json").write_text(
            '[{"name": "grain", "text": "It is grainy.", "verdict": "holds"}]', encoding="utf-8"
        )
    make_current(folder, [*build.glob("logs/**/*.json"), build / "site.json"])
    script(folder, "verify", "--publish")
    commit(folder, "Publish the results")
    return folder


@pytest.fixture
def quick(quick_once, tmp_path):
    return shutil.copytree(quick_once, tmp_path / "book", symlinks=True)


@pytest.fixture
def full(full_once, tmp_path):
    return shutil.copytree(full_once, tmp_path / "book", symlinks=True)


def make_current(folder, made):
    """Rewrite records as if what they name had been made from the files as they are."""
    with contextlib.chdir(folder):
        for path in made:
            record = json.loads(path.read_text(encoding="utf-8"))
            inputs = records.hashes(map(Path, record.pop("inputs")))
            records.write(path, inputs, [Path(each) for each in record.pop("outputs")], **record)


def script(folder, name, *words):
    command = [sys.executable, "-m", f"workflow.release.{name}", "--build", "_build", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")


def release(folder, version="9.0.0"):
    return script(folder, "release", "--version", version)


def state(folder):
    said = [git(folder, *words) for words in (["rev-parse", "HEAD"], ["tag"], ["status", "-s"])]
    return said, (folder / "_build" / "release").exists()


def refused(folder, *words, version="9.0.0"):
    before = state(folder)
    process = release(folder, version)
    assert process.returncode == 1 and "Traceback" not in process.stderr
    assert all(word in process.stderr for word in words), process.stderr
    assert state(folder) == before


def test_a_tree_that_is_not_clean_is_refused(full):
    (full / "book" / "index.md").write_text("# Not committed\n", encoding="utf-8")
    refused(full, "The tree is not clean: book/index.md", "Expected everything to be committed")


@pytest.mark.parametrize("version", ["", "1", "1.0", "v9.0.0", "0.0.1", "9.0.0; rm"])
def test_a_version_that_is_none_or_not_above_the_last_is_refused(full, version):
    refused(full, f"VERSION='{version}' cannot be released", "three numbers", version=version)


def test_a_quick_build_on_the_stand_in_is_refused(quick):
    (quick / "_build" / "results" / "ledger.json").write_text("[]", encoding="utf-8")
    refused(
        quick,
        "is of digits at quick. Expected mnist, fashion, mnist1d at paper",
        "Nothing was released",
    )


def test_a_build_of_other_sources_is_refused(full):
    miniature.write_chapter(full, "l2", "Another title")
    commit(full, "Change a title")
    refused(full, "is not of the sources as they are", "Run `make book` first")


def test_a_build_whose_figures_have_moved_is_refused(full):
    path = full / "published" / "results.json"
    published = json.loads(path.read_text(encoding="utf-8"))
    del published["runs"]["l2"]
    path.write_text(json.dumps(published), encoding="utf-8")
    commit(full, "Publish what was not measured")
    refused(full, "1 figure has moved", "l2: only in this build", "make publish")


@pytest.mark.thorough
def test_a_release_that_fails_half_way_leaves_everything_as_it_was(full, mnist):
    """The pages cannot be built: they lead to one that is not there."""
    (full / "book" / "index.md").write_text("# A miniature\n\n[](nowhere)\n", encoding="utf-8")
    commit(full, "Lead nowhere")
    make_current(full, [full / "_build" / "site.json"])
    refused(full, "The site was not built", "Nothing was released")


@pytest.mark.thorough
def test_a_release_is_a_commit_a_tag_and_the_site_with_its_checksum(full, mnist, tmp_path):
    process = release(full)
    assert process.returncode == 0, process.stderr
    cited = yaml.safe_load((full / "CITATION.cff").read_text(encoding="utf-8"))
    package = tomllib.loads((full / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["version"] == package["version"] == "9.0.0"
    changes = (full / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## 9.0.0, {cited['date-released']}" in changes and "- Publish the results" in changes
    assert git(full, "status", "--porcelain") == "" and git(full, "tag").split() == ["v9.0.0"]
    assert git(full, "log", "-1", "--format=%s").strip() == "Release 9.0.0"

    folder = full / "_build" / "release"
    sums = [
        line.split() for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    ]
    assert {path.name for path in folder.iterdir()} == {"SHA256SUMS", *(name for _, name in sums)}
    for checksum, each in sums:
        assert hashlib.sha256((folder / each).read_bytes()).hexdigest() == checksum
    (_, name), (_, runs) = sums
    with tarfile.open(folder / name) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert tree(tmp_path / "unpacked" / "seeing-regularization-9.0.0") == tree(
        full / "_build" / "html"
    )

    # With its runs another build trains none of them.
    os.utime(full / "pyproject.toml", (0, 0))  # it has the new version; the environment can stay
    known = dict(PRESET="paper", DATA="mnist", RUNS=folder / runs)
    other = miniature.make(full, tmp_path / "other", **known)
    assert other.returncode == 0, other.stderr
    assert "0 runs trained, 8 found" in other.stdout and "8 of 8 runs were brought" in other.stdout

    second = release(full, "9.0.1")
    assert second.returncode == 0, second.stderr
    assert sorted(path.suffix for path in folder.iterdir()) == ["", ".gz", ".gz"]


def tree(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}
