"""A full disk, a clock set back, files damaged, two builds at once: never a mixture, never half."""

import json
import os
import shutil
import signal
import subprocess
import time

import miniature
import pytest

pytestmark = pytest.mark.thorough


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of it, with the times of its files."""
    return shutil.copytree(whole, tmp_path / "book", symlinks=True)


def chapters_of(process):
    return [line for line in process.stdout.splitlines() if ".ipynb" in line]


def test_two_builds_at_once_in_one_folder_end_one_after_the_other(whole, tmp_path):
    folder = miniature.write(tmp_path / "book")
    kept = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    builds = [subprocess.Popen(miniature.command(), cwd=folder, **kept) for _ in range(2)]
    said = [build.communicate() for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    waited = [error for _, error in said if "waiting for its end" in error]
    assert len(waited) == 1 and "Another process is at the book in _build" in waited[0]
    executed = [line for out, _ in said for line in out.splitlines() if ".ipynb" in line]
    assert len(executed) == len(miniature.TECHNIQUES)
    assert miniature.contents(folder / "_build") == miniature.contents(whole / "_build")


def test_a_build_on_another_backend_waits_and_then_is_not_a_mixture(folder, tmp_path):
    """One asks for TensorFlow, the other for JAX: whoever ends last has made all pages."""
    commands = [miniature.command(BACKEND=backend) for backend in ("tensorflow", "jax")]
    builds = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    for build in builds:
        build.communicate()
        assert build.returncode == 0
    backends = {
        json.loads(path.read_text(encoding="utf-8"))["backend"]
        for path in folder.glob("_build/results/*.json")
    }
    settings = json.loads((folder / "_build" / "settings.json").read_text(encoding="utf-8"))
    assert backends == {settings["backend"]}


def test_a_build_of_another_preset_that_is_stopped_costs_nothing_of_the_finished_one(folder):
    """Its pages stay, its chapters are set aside; and who asks for it again has it at once."""
    build, before = folder / "_build", miniature.contents(folder / "_build")
    (folder / "book" / "notes.md").write_text("Not a page: no list names it.", encoding="utf-8")
    with subprocess.Popen(miniature.command(PRESET="paper"), cwd=folder, process_group=0) as other:
        kept = build / "kept" / "quick-digits-jax"
        while not ((kept / "settings.json").is_file() and (build / "logs/techniques").is_dir()):
            assert other.poll() is None
            time.sleep(0.05)
        os.killpg(other.pid, signal.SIGKILL)
    aside = miniature.contents(build / "kept" / "quick-digits-jax")
    assert (
        aside == before
        and miniature.contents(build).items()
        >= {name: content for name, content in before.items() if name.startswith("html/")}.items()
    )
    process = miniature.make(folder)
    assert process.returncode == 0 and not chapters_of(process), process.stderr
    assert "0 runs trained" in process.stdout and miniature.contents(build) == before


def test_a_chapter_that_was_changed_while_the_clock_was_back_is_made_anew(folder):
    """Every file of the build is a day ahead, as it is after the clock has been set back."""
    ahead = time.time() + 86_400
    for path in (folder / "_build").rglob("*"):
        os.utime(path, (ahead, ahead))
    process = miniature.make(folder)
    assert process.returncode == 0 and not chapters_of(process)
    miniature.write_chapter(folder, "l2", "Another title")
    process = miniature.make(folder)
    assert process.returncode == 0, process.stderr
    assert [line.split()[0] for line in chapters_of(process)] == ["book/techniques/l2.ipynb"]
    assert "Another title" in (folder / "_build/html/techniques/l2.html").read_text(
        encoding="utf-8"
    )
    (folder / "book" / "index.md").write_text(
        "# A miniature\n\nWritten while the clock was back.\n",
        encoding="utf-8",
    )
    assert miniature.make(folder).returncode == 0
    assert "while the clock was back" in (folder / "_build/html/index.html").read_text(
        encoding="utf-8"
    )


def test_a_clock_that_is_set_back_while_the_book_is_built_costs_nothing(tmp_path, whole):
    """What the first chapter leaves is suddenly an hour ahead of the others."""
    folder = miniature.write(tmp_path / "book")
    with subprocess.Popen(miniature.command(), cwd=folder) as build:
        first = folder / "_build" / "logs" / "techniques" / "no_regularization.json"
        while not first.is_file():
            assert build.poll() is None
            time.sleep(0.05)
        time.sleep(1)
        ahead = time.time() + 3_600
        for path in (folder / "_build" / "executed" / "techniques").glob("no_*"):
            os.utime(path, (ahead, ahead))
    assert build.returncode == 0
    assert miniature.contents(folder / "_build") == miniature.contents(whole / "_build")


def test_results_from_the_future_do_not_keep_their_chapters_from_being_made(folder, whole):
    """The sources are a day ahead: every build looks at them again, and finds them as they were."""
    ahead = time.time() + 86_400
    for path in [*(folder / "book").rglob("*"), *(folder / "src").rglob("*")]:
        os.utime(path, (ahead, ahead))
    process = miniature.make(folder)
    assert process.returncode == 0 and not chapters_of(process)
    assert miniature.contents(folder / "_build") == miniature.contents(whole / "_build")


def test_what_was_damaged_is_made_anew(folder, whole):
    """Half of one chapter's copy is gone, half of another's record, half of what readers take."""
    names = ("executed/techniques/l2.ipynb", "logs/techniques/dropout.json", "results/l2.npz")
    for name in names:
        path = folder / "_build" / name
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    process = miniature.make(folder)
    assert process.returncode == 0, process.stderr
    made = {line.split()[0] for line in chapters_of(process)}
    assert made == {f"book/techniques/{slug}.ipynb" for slug in ("l2", "dropout")}
    assert miniature.contents(folder / "_build") == miniature.contents(whole / "_build")


@pytest.fixture
def small_disk(tmp_path):
    """A file system in memory of a megabyte; it can be enlarged."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def sized(size):
        options = f"size={size}" + (",remount" if os.path.ismount(disk) else "")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        process = subprocess.run(command, capture_output=True, encoding="utf-8")
        if process.returncode:
            pytest.skip(f"A small disk cannot be had: {process.stderr.strip()}")
        return disk

    yield sized
    if os.path.ismount(disk):
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_stops_the_build_with_a_word_and_room_lets_it_go_on(whole, small_disk):
    """At several sizes, from no room at all to nearly enough."""
    expected = miniature.contents(whole / "_build")
    for size in ("8k", "100k", "1m", "4m"):
        build = small_disk(size) / "_build"
        process = miniature.make(whole, build)
        assert process.returncode != 0, size
        assert "No space left on device" in process.stdout + process.stderr, process.stderr
        assert "Traceback" not in process.stderr, process.stderr
        found = miniature.contents(build)
        assert all(found[name] == expected[name] for name in found if name in expected), size
        assert not any(name.endswith(".html") for name in found)
    build = small_disk("200m") / "_build"
    process = miniature.make(whole, build)
    assert process.returncode == 0, process.stderr
    assert miniature.contents(build) == expected and not miniature.leftovers(build)
