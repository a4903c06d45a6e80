"""One at a time, by a lock that dies with its holder; what a disk refuses is said in words."""

import errno
import shutil
import subprocess
import sys
import threading

import pytest
from conftest import ROOT

from regularization.results.files import alone
from workflow.build.safely import in_words


def test_who_comes_second_says_so_and_waits_for_the_first_to_end(tmp_path, capsys):
    path, came = tmp_path / "new" / ".lock", threading.Event()

    def second():
        with alone(path, "the book"):
            came.set()

    with alone(path, "the book"):
        assert capsys.readouterr().err == ""
        thread = threading.Thread(target=second)
        thread.start()
        assert not came.wait(0.3)
        said = capsys.readouterr().err
    assert came.wait(10)
    thread.join()
    assert said == "Another process is at the book: waiting for its end.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path, capsys):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from regularization.results.files import alone\n"
        "with alone(Path(sys.argv[1]), 'it'): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / ".lock")]
    environment = {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment, encoding="utf-8"
    ) as process:
        assert process.stdout.readline() == "held\n"
        process.kill()
    with alone(tmp_path / ".lock", "it"):
        assert capsys.readouterr().err == ""


def test_the_lock_is_let_go_where_the_work_fails(tmp_path, capsys):
    with pytest.raises(ZeroDivisionError), alone(tmp_path / ".lock", "it"):
        raise ZeroDivisionError
    with alone(tmp_path / ".lock", "it"):
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_is_said_in_one_paragraph(number):
    with pytest.raises(SystemExit) as caught, in_words("The book", "_build"):
        raise OSError(number, "the system's word")
    said = caught.value.code
    assert said.startswith("The book cannot be kept: ") and "the system's word" in said
    assert "Expected room for it in _build" in said and "\n" not in said


def test_of_several_files_that_could_not_be_copied_the_first_is_named():
    with pytest.raises(SystemExit, match="cannot be kept: no room"), in_words("It", "here"):
        raise shutil.Error([("a", "b", "no room"), ("c", "d", "none either")])


def test_other_errors_are_not_taken_for_a_full_disk():
    with pytest.raises(FileNotFoundError), in_words("The book", "_build"):
        open("/no/such/file", encoding="utf-8")
