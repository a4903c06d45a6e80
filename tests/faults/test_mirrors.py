"""MNIST comes whole from the first mirror that has it, whatever the others send, or not at all.

A server on this machine plays the mirrors; a mirror misbehaves as its address says.
"""

import http.server
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from regularization.core import data, published

#: How a mirror misbehaves, and what is said of it.
FAULTS = {
    "missing": "answers 404",
    "page": "sent another file",
    "flipped": "sent another file",
    "endless": "sent another file",
    "truncated": "ProtocolError",
    "stalled": "ReadTimeoutError",
    "dripping": "Timeout",
    "refused": "ConnectionError",
}
LONG = 60  # seconds after which a test would end if what it tests did not end


class Mirrors:
    """What is served, the addresses of mirrors that misbehave, and what was asked of them."""

    def __init__(self, folder, cache):
        self.files = {path.name: path.read_bytes() for path in folder.glob("*.gz")}
        self.cache, self.asked, self.over = cache, [], threading.Event()
        self.together = threading.Barrier(2, timeout=LONG)

    def address(self, how):
        """The address of a mirror that does so; nobody listens at port 9."""
        return f"http://127.0.0.1:{9 if how == 'refused' else self.port}/{how}/"

    def kept(self):
        """What lies in the cache, by name."""
        return {p.name: p.read_bytes() for p in self.cache.rglob("*") if p.is_file()}

    def answer(self, request, how, name):
        """Send a file in the way that a mirror does it."""
        content = self.files[name]
        if how == "missing":
            return request.send_error(404)
        if how == "page":
            content = b"<html>Please log in</html>"
        if how == "flipped":
            content = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
        if how == "together" and name.startswith("train-images"):
            self.together.wait()
        request.send_response(200)
        if how != "endless":
            request.send_header("Content-Length", len(content))
        request.end_headers()
        if how in ("truncated", "stalled"):
            content = content[: len(content) // 2]
        if how == "dripping":
            for i in range(len(content[:1_000])):
                request.wfile.write(content[i : i + 1])
                self.over.wait(0.01)
        else:
            request.wfile.write(content)
        if how == "stalled":
            self.over.wait(LONG)
        while how == "endless" and not self.over.is_set():
            request.wfile.write(bytes(10_000))


@pytest.fixture
def mirrors(mnist_folder, monkeypatch, tmp_path_factory):
    """Mirrors of four small files, an empty cache, little patience."""
    cache = tmp_path_factory.mktemp("cache")
    mirrors = Mirrors(mnist_folder, cache)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            _, how, name = self.path.split("/")
            mirrors.asked.append((how, name))
            try:
                mirrors.answer(self, how, name)
            except OSError:
                pass  # the other side has had enough, or was killed

        def log_message(self, *_):
            pass

    monkeypatch.delenv("MNIST_DIR")
    monkeypatch.delenv("DATA_DIR", raising=False)
    monkeypatch.setattr(published, "_keras", lambda: cache / "no Keras")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setattr("pooch.os_cache", lambda name: cache / name)
    monkeypatch.setattr(published, "TIMEOUT", (3, 0.5))
    monkeypatch.setattr(published, "PATIENCE", 1)
    monkeypatch.setattr(published, "LARGEST", 200_000)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        mirrors.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield mirrors
        mirrors.over.set()
        server.shutdown()


def use(monkeypatch, mirrors, *ways):
    monkeypatch.setattr(data.MNIST, "mirrors", tuple(map(mirrors.address, ways)))


@pytest.mark.parametrize("how", FAULTS)
def test_a_mirror_that_misbehaves_is_passed_over(mirrors, monkeypatch, how):
    use(monkeypatch, mirrors, how, "good")
    assert data.load("mnist").name == "mnist"
    assert mirrors.kept() == mirrors.files
    assert how == "refused" or (how, "t10k-labels-idx1-ubyte.gz") in mirrors.asked


def test_files_that_are_kept_are_not_asked_for_again(mirrors, monkeypatch):
    use(monkeypatch, mirrors, "good")
    first, count = data.load("mnist"), len(mirrors.asked)
    assert (data.load("mnist").test_images == first.test_images).all()
    assert len(mirrors.asked) == count == 4


def test_without_a_good_mirror_each_is_named_with_its_reason_and_nothing_is_kept(
    mirrors, monkeypatch
):
    use(monkeypatch, mirrors, *FAULTS)
    with pytest.raises(data.Unreachable) as caught:
        data.load("mnist")
    message = str(caught.value)
    reasons = ", ".join(f"{mirrors.address(how)} {why}" for how, why in FAULTS.items())
    assert f"no mirror answers: {reasons}. Expected a network" in message
    assert "MNIST_DIR=folder, or ask for the stand-in with DATA=digits." in message
    assert "\n" not in message and mirrors.kept() == {}


def test_without_network_auto_takes_the_stand_in_and_says_so_in_one_line(
    mirrors, monkeypatch, capsys
):
    use(monkeypatch, mirrors, "refused", "missing")
    assert data.load("auto").name == "digits"
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and "8x8 digits" in out and "answers 404" in out and err == ""


@pytest.mark.parametrize("damage", [lambda b: b[:-7], lambda b: b"\0" + b[1:], lambda b: b""])
def test_a_file_that_was_damaged_in_the_cache_is_fetched_anew(mirrors, monkeypatch, damage):
    use(monkeypatch, mirrors, "good")
    data.load("mnist")
    name = "train-labels-idx1-ubyte.gz"
    path = next(mirrors.cache.rglob(name))
    path.write_bytes(damage(path.read_bytes()))
    mirrors.asked.clear()
    assert data.load("mnist").name == "mnist"
    assert mirrors.asked == [("good", name)] and mirrors.kept() == mirrors.files


def another_process(mirrors, how):
    """Start a Python of its own that fills the same cache, with all the patience there is."""
    settings = [str(mirrors.cache), mirrors.address(how), json.dumps(data.MNIST.files)]
    code = (
        "import json, pathlib, sys, pooch; from regularization.core import data\n"
        "pooch.os_cache = lambda name: pathlib.Path(sys.argv[1]) / name\n"
        "data.MNIST.mirrors, data.MNIST.files = (sys.argv[2],), json.loads(sys.argv[3])\n"
        "print(data.load('mnist').name)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *settings],
        env=os.environ | {"TQDM_DISABLE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_a_download_that_was_killed_is_begun_again_and_its_leftovers_go(mirrors, monkeypatch):
    with another_process(mirrors, "stalled") as process:
        end = time.monotonic() + LONG
        while not any(mirrors.kept().values()):  # until half a file is there
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        process.kill()
    (leftover,) = mirrors.cache.rglob("tmp*")

    use(monkeypatch, mirrors, "good")
    assert data.load("mnist").name == "mnist"
    # So young, it might be of a process that still downloads.
    assert mirrors.kept() == mirrors.files | {leftover.name: leftover.read_bytes()}
    an_hour_ago = time.time() - 3600
    os.utime(leftover, (an_hour_ago, an_hour_ago))
    assert data.load("mnist").name == "mnist" and mirrors.kept() == mirrors.files


def test_two_processes_may_fill_one_cache_at_once(mirrors):
    # The mirror sends the first file when both have asked for it.
    processes = [another_process(mirrors, "together") for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=LONG)
        assert (process.returncode, out) == (0, "mnist\n"), err
    assert mirrors.kept() == mirrors.files
