"""Runs that were trained elsewhere: checked, and then never trained again."""

import hashlib
import http.server
import json
import shutil
import tarfile
import threading

import pytest

from regularization.core.settings import Settings
from regularization.results import store
from regularization.results.run import read, write
from workflow.build import brought


@pytest.fixture
def runs(tmp_path, monkeypatch, digits):
    """A store with two runs."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    for seed in (0, 1):
        store.train(Settings(steps=2, seeds=[seed]), digits)
    return tmp_path / "runs"


def packed(runs, name="runs.tar.gz"):
    """An archive of a store, beside its checksum."""
    path = runs.parent / name
    with tarfile.open(path, "w:gz") as archive:
        archive.add(runs, arcname="runs")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    (runs.parent / "SHA256SUMS").write_text(f"{checksum}  {name}\n", encoding="utf-8")
    return path


def refused(folder, source, *words):
    with pytest.raises(brought.Refused) as caught:
        brought.fill(folder, str(source))
    said = str(caught.value)
    assert all(word in said for word in words) and "\n" not in said, said
    assert not folder.exists() or not [*folder.rglob("*.safetensors")]


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_what_is_brought_is_found_and_counted(runs, tmp_path, monkeypatch, digits, kind):
    other = tmp_path / "other"
    source = runs if kind == "folder" else packed(runs)
    assert brought.fill(other, str(source)) == (2, 2)
    monkeypatch.setenv("RUNS_DIR", str(other))
    monkeypatch.setattr(store, "fit", None)  # nothing is trained
    run = store.train(Settings(steps=2, seeds=[1]), digits)
    assert run.settings.seeds == (1,)
    assert brought.brought(other) == {path.stem for path in runs.glob("*.safetensors")}
    assert brought.fill(other, str(source)) == (2, 2)  # a second time


def test_a_checksum_that_is_wrong_or_missing_is_refused(runs, tmp_path):
    archive = packed(runs)
    archive.write_bytes(archive.read_bytes()[:-100])  # half downloaded
    refused(tmp_path / "other", archive, "is damaged", "its sha256 is", "Fetch it anew")
    (tmp_path / "SHA256SUMS").unlink()
    refused(tmp_path / "other", archive, "has no checksum", "SHA256SUMS")


@pytest.fixture
def served(tmp_path):
    """The address of a server of the folder; it breaks off in the middle of what is in half/."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

        def copyfile(self, source, output):
            content = source.read()
            output.write(content[: len(content) // 2] if "/half/" in self.path else content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_archive_is_fetched_from_its_address_or_refused_and_nothing_kept(runs, tmp_path, served):
    archive = packed(runs)
    assert brought.fill(tmp_path / "other", f"{served}/{archive.name}?download=1") == (2, 2)
    (tmp_path / "half").mkdir()
    shutil.copy(archive, tmp_path / "half")
    refused(tmp_path / "none", f"{served}/half/{archive.name}", "cannot be fetched", "Incomplete")
    refused(tmp_path / "none", f"{served}/no/{archive.name}", "cannot be fetched", "404")


def test_a_run_that_is_damaged_is_refused_before_any_is_copied(runs, tmp_path):
    path = sorted(runs.glob("*.safetensors"))[1]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refused(tmp_path / "other", runs, "is damaged", path.name, "checksum")


def test_runs_of_other_sources_are_left_out_and_alone_refused(runs, tmp_path):
    first, second = sorted(runs.glob("*.safetensors"))
    for path in (first, second):
        run, about = read(path)
        about = about | {"sources": "of another commit"}
        path.unlink()
        write(run, about, path.with_name(f"{store.key(about)}.safetensors"))
        if path == first:
            assert brought.fill(tmp_path / "one", str(runs)) == (2, 1)
    refused(tmp_path / "other", runs, "of other sources or versions", "without RUNS")


@pytest.mark.parametrize("what", ["nowhere", "an empty folder", "no archive"])
def test_what_is_no_archive_is_refused(tmp_path, what):
    source = tmp_path / "source.tar.gz"
    if what == "an empty folder":
        source.mkdir()
        return refused(tmp_path / "other", source, "holds no runs")
    if what == "no archive":
        source.write_bytes(b"no archive")
        checksum = hashlib.sha256(b"no archive").hexdigest()
        (tmp_path / "SHA256SUMS").write_text(f"{checksum}  {source.name}\n", encoding="utf-8")
        return refused(tmp_path / "other", source, "is damaged")
    refused(tmp_path / "other", source, "is not there", "leave RUNS out")


def test_a_link_out_of_the_archive_is_not_followed(runs, tmp_path):
    (runs / "secret.safetensors").symlink_to("/etc/passwd")
    archive = packed(runs)
    refused(tmp_path / "other", archive, "is damaged")


def test_names_of_what_was_brought_are_kept(tmp_path):
    assert brought.brought(tmp_path) == set()
    (tmp_path / "brought.json").write_text(json.dumps(["one"]), encoding="utf-8")
    assert brought.brought(tmp_path) == {"one"}
    shutil.rmtree(tmp_path)
