"""What several tests need: small digits, MNIST where it can be had, the built book, a browser."""

import functools
import gzip
import http.server
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import browser as browsers
import miniature
import numpy as np
import pytest
import safetensors.numpy

from regularization import data

ROOT = Path(__file__).parents[1]
#: The book's pages as they are kept, without what JupyterLab leaves beside them.
PAGES = sorted(
    path
    for path in (ROOT / "book").rglob("*")
    if path.suffix in (".md", ".ipynb") and ".ipynb_checkpoints" not in path.parts
)
NOTEBOOKS = [path for path in PAGES if path.suffix == ".ipynb"]
AXE = "4.11.1"  # the version of axe-core
#: For tests that take long, and for which one data set is as good as the other.
EITHER = pytest.mark.parametrize("built", ["either"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def digits():
    return data.load("digits")


@pytest.fixture(scope="session")
def mnist():
    try:
        return data.load("mnist")
    except data.Unreachable as error:
        pytest.skip(f"MNIST cannot be had: {error.reason}")


@pytest.fixture
def mnist_folder(tmp_path, monkeypatch):
    """A folder with four tiny IDX files, taken for MNIST's: their hashes stand in for the real."""
    import hashlib

    rng = np.random.default_rng(0)
    hashes = {}
    for name, count in zip(data.FILES, (5_020, 5_020, 30, 30), strict=True):
        shape = (count, 4, 4) if "images" in name else (count,)
        values = rng.integers(0, 10, shape, dtype=np.uint8)
        content = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + values.tobytes()
        packed = gzip.compress(content, mtime=0)
        (tmp_path / f"{name}.gz").write_bytes(packed)
        hashes[name] = hashlib.sha256(packed).hexdigest(), hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(data, "FILES", hashes)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    return tmp_path


def read_living(path):
    """A file's arrays and words, by the library that has the format."""
    content = gzip.decompress(path.read_bytes())
    length = int.from_bytes(content[:8], "little")
    about = json.loads(content[8 : 8 + length])["__metadata__"]["about"]
    return safetensors.numpy.load(content), json.loads(about)


def run_python(code, **environment):
    """Run `code` in a Python of its own; return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TQDM_DISABLE": "1"} | environment,
        capture_output=True,
        text=True,
    )


def build_book(folder, dataset, preset="quick", **environment):
    """Build the book into `folder` as `make book` does; return the finished process."""
    command = ["make", "--no-print-directory", "book", f"BUILD={folder}", f"PRESET={preset}"]
    return subprocess.run(
        [*command, f"DATA={dataset}"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="session")
def build_once(tmp_path_factory):
    """The book at the quick preset on a data set, built when it is first asked for."""

    @functools.cache
    def build_once(dataset):
        folder = tmp_path_factory.mktemp(f"book-{dataset}")
        process = build_book(folder, dataset)
        assert process.returncode == 0, process.stdout + process.stderr
        folder.joinpath("dataset").write_text(dataset)
        return folder

    return build_once


@pytest.fixture(scope="session", params=["digits", "mnist"])
def built(request, build_once):
    """The book, on the stand-in and, where it can be had, on MNIST; or "either": MNIST's first."""
    if request.param == "mnist":
        request.getfixturevalue("mnist")
    if request.param == "either":
        try:
            return build_once(data.load("mnist").name)
        except data.Unreachable:
            return build_once("digits")
    return build_once(request.param)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A miniature of the book, built where nothing goes wrong."""
    folder = miniature.write(tmp_path_factory.mktemp("whole"))
    process = miniature.make(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


@pytest.fixture(scope="session")
def browser():
    try:
        with browsers.chromium() as chromium:
            yield chromium
    except browsers.NoBrowser as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The source of axe-core, from npm."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("axe-core cannot be had: there is no npm")
    command = [npm, "install", "--no-save", "--prefix", str(folder), f"axe-core@{AXE}"]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        pytest.skip(f"axe-core cannot be had: {process.stderr.strip()[-300:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def until(condition, seconds, what):
    """Wait for a condition. (Playwright has a way, but by evaluating words: pages forbid it.)"""
    for _ in range(seconds * 4):
        if condition():
            return
        time.sleep(0.25)
    pytest.fail(f"waited {seconds} s for {what}")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def served(built):
    """The address of the built site, for what does not work from files: search, the clipboard."""
    handler = functools.partial(Quiet, directory=built / "html")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def visit(browser, built):
    """Open a page of the built site, from its file if not from an address.

    What it loads and complains of is kept. `route(page)` may come between before it is opened.
    """
    contexts = []

    def visit(name, address=None, route=None, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.loaded, page.complaints = {}, []
        page.on("response", lambda r: page.loaded.update({r.url: r.body()}))
        page.on("requestfailed", lambda r: page.complaints.append(f"failed: {r.url}"))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        if route:
            route(page)
        root = address or (built / "html").as_uri()
        path, _, query = name.partition("?")
        page.goto(f"{root}/{path}.html" + (f"?{query}" if query else ""))
        return page

    yield visit
    for context in contexts:
        context.close()
