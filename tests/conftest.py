"""What several tests need: small digits, MNIST where it can be had, the built book, a browser."""

import contextlib
import functools
import gzip
import http.server
import io
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
import unittest.mock
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import filelock
import miniature
import numpy as np
import pytest
import safetensors.numpy

from regularization.core import data
from workflow.site import browser as browsers

ROOT = Path(__file__).parents[1]
#: The book's pages as they are kept, without what JupyterLab leaves beside them.
PAGES = sorted(
    path
    for path in (ROOT / "book").rglob("*")
    if path.suffix in (".md", ".ipynb") and ".ipynb_checkpoints" not in path.parts
)
NOTEBOOKS = [path for path in PAGES if path.suffix == ".ipynb"]
#: For what may differ between the data sets: the book on one, and its extract on each of these.
EXTRACTS = {"extract": "digits", "garments": "fashion", "signals": "mnist1d"}
ON_EACH = pytest.mark.parametrize(
    "built",
    ["book", *(pytest.param(name, marks=pytest.mark.thorough) for name in EXTRACTS)],
    indirect=True,
    scope="session",
)


#: Claims about deeper networks, which learn nothing there at quick that could be told apart.
UNLEARNED = {"mnist1d": {"deep-impact", "deeper-alike", "deeper-dropout"}}


def pytest_addoption(parser):
    said = (
        f"the data the book is built on ({', '.join(data.NAMES)}), or the folder of a quick build"
    )
    parser.addoption("--book", default="auto", help=said)


def pytest_configure(config):
    asked = config.getoption("book")
    if asked not in data.NAMES and not (Path(asked) / "settings.json").is_file():
        raise pytest.UsageError(
            f"--book={asked} is neither data nor a build. Expected one of {', '.join(data.NAMES)}, "
            "or the folder of a quick build, for example --book=_build."
        )


@pytest.hookimpl(wrapper=True)  # before xdist reads what stays together
def pytest_collection_modifyitems(items):
    """Say what stays together in one of several processes, and in which order they begin.

    A file of tests stays together, for what its tests share; those marked `apart` share nothing,
    or only where the parameter that is named has one value; those of one extract stay together,
    so that nobody waits for what another builds. What takes long begins first, and the book is
    asked for last, while it is built by the one that was marked `first`.
    """

    def turn(item):
        if item.get_closest_marker("first"):
            return 0
        apart = item.get_closest_marker("apart")  # these fill what time is left on either side
        return 1 + ("built" in item.fixturenames) * (2 if apart else 1)

    items.sort(key=turn)
    for item in items:
        together, params = item.path.stem, getattr(getattr(item, "callspec", None), "params", {})
        if apart := item.get_closest_marker("apart"):
            together = " ".join([together, *(params[name] for name in apart.args)])
            together = together if apart.args else item.nodeid
        if params.get("built") in EXTRACTS:
            together = params["built"]
        item.add_marker(pytest.mark.xdist_group(together))
    return (yield)


def pytest_terminal_summary(terminalreporter):
    """Say at the end what was not tested, and why: a line for each reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("not tested here")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}")


def once(factory, name, make):
    """Return a folder that `make` has filled, once for all processes that test side by side."""
    root = factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder, failed = root / name, root / f"{name}.failed"
    with filelock.FileLock(root / f"{name}.lock"):
        assert not failed.exists(), failed.read_text(encoding="utf-8")
        if not folder.exists():
            failed.write_text(
                f"{name} could not be made: see the first test that asked for it.", encoding="utf-8"
            )
            folder.mkdir()
            make(folder)
            failed.unlink()
    return folder


@pytest.fixture(scope="session", autouse=True)
def store(tmp_path_factory):
    """A store of the tests' own."""
    os.environ["RUNS_DIR"] = str(tmp_path_factory.mktemp("runs"))


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
    for name, count in zip(data.MNIST.files, (5_020, 5_020, 30, 30), strict=True):
        shape = (count, 4, 4) if "images" in name else (count,)
        values = rng.integers(0, 10, shape, dtype=np.uint8)
        content = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + values.tobytes()
        packed = gzip.compress(content, mtime=0)
        (tmp_path / f"{name}.gz").write_bytes(packed)
        hashes[name] = hashlib.sha256(packed).hexdigest(), hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(data.MNIST, "files", hashes)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    return tmp_path


def read_living(path):
    """A file's arrays and words, by the library that has the format."""
    content = gzip.decompress(path.read_bytes())
    length = int.from_bytes(content[:8], "little")
    about = json.loads(content[8 : 8 + length])["__metadata__"]["about"]
    return safetensors.numpy.load(content), json.loads(about)


def as_typed(html):
    """HTML of a page as its notebook says it: 1e-07 for a power of ten, plain spaces and quotes."""
    power = r"(?:(\d[\d.]*) × )?10<(sup|tspan)[^>]*>−(\d+)</\2>"
    html = re.sub(power, lambda found: f"{found[1] or 1}e-{found[3]:0>2}", html)
    return html.replace("\xa0", " ").replace("’", "'")


def saved(build, slug):
    """What readers take along of a run: what its JSON says, its weights and its parameters."""
    with np.load(build / "results" / f"{slug}.npz") as file:
        arrays = dict(file)
    about = json.loads((build / "results" / f"{slug}.json").read_text(encoding="utf-8"))
    named = {name.removeprefix("parameter_"): values for name, values in arrays.items()}
    return SimpleNamespace(**about, weights=named.pop("weights"), parameters=named)


def run_python(code, **environment):
    """Run `code` in a Python of its own; return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TQDM_DISABLE": "1"} | environment,
        capture_output=True,
        encoding="utf-8",
    )


def called(main, *words):
    """Call the `main` of a script as its command would be; return it as a finished process."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, unittest.mock.patch.dict(os.environ):
        patch.setattr(sys, "argv", ["script", *map(str, words)])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int | None) else 1
                err.write(end.code + "\n" if isinstance(end.code, str) else "")
    return subprocess.CompletedProcess(words, status or 0, out.getvalue(), err.getvalue())


def build_book(folder, dataset, preset="quick", **environment):
    """Build the book into `folder` as `make book` does; return the finished process."""
    command = ["make", "--no-print-directory", "book", f"BUILD={folder}", f"PRESET={preset}"]
    return subprocess.run(
        [*command, f"DATA={dataset}"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="session")
def built(request, tmp_path_factory):
    """The book at the quick preset, as `--book` has it; or its extract (miniature)."""
    asked, name = request.config.getoption("book"), getattr(request, "param", "book")

    def book(folder):
        process = build_book(folder, data.load(asked).name)
        assert process.returncode == 0, process.stdout + process.stderr

    def extract(folder):
        miniature.extract(folder)
        (folder / "_build" / "given").mkdir(parents=True)
        (folder / "_build" / "given" / "ledger.json").write_text(
            "[]", encoding="utf-8"
        )  # the colophon leads to it
        process = miniature.make(folder, DATA=EXTRACTS[name])
        assert process.returncode == 0, process.stdout + process.stderr

    if name == "book" and asked not in data.NAMES:
        return Path(asked).absolute()
    if name in EXTRACTS:
        try:
            data.load(EXTRACTS[name])
        except data.Unreachable as error:
            pytest.skip(f"{EXTRACTS[name]} cannot be had: {error.reason}")
        return once(tmp_path_factory, name, extract) / "_build"
    return once(tmp_path_factory, name, book)


def dataset_of(build):
    """Return the name of the data set that a build is of."""
    return json.loads((build / "settings.json").read_text(encoding="utf-8"))["dataset"]


@pytest.fixture
def board(built):
    """For tests that draw: of data that nobody draws the pages have no board."""
    card = data.load(dataset_of(built)).card
    if card.form is None:
        pytest.skip(f"nobody draws {card.noun[1]}")


def a_miniature(name, write):
    """Return a fixture: a miniature, built where nothing goes wrong."""

    def build(folder):
        process = miniature.make(write(folder))
        assert process.returncode == 0, process.stdout + process.stderr

    @pytest.fixture(scope="session", name=name)
    def built_once(tmp_path_factory):
        return once(tmp_path_factory, name, build)

    return built_once


whole = a_miniature("whole", miniature.write)
trained = a_miniature("trained", functools.partial(miniature.write, trains=True))


@pytest.fixture(scope="session")
def browser():
    try:
        with browsers.chromium() as chromium:
            yield chromium
    except browsers.NoBrowser as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, which `make test` has installed from npm."""
    path = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        pytest.skip("axe-core is not here: `npm install` brings it, and make test where npm is")
    return path.read_text(encoding="utf-8")


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


@contextlib.contextmanager
def serving(folder, handler=Quiet):
    """Serve a folder on this machine; yield its address."""
    handler = functools.partial(handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def served(built):
    """The address of the built site, for what does not work from files: search, the clipboard."""
    with serving(built / "html") as address:
        yield address


def open_in(context, address, route=None):
    """Open an address in a context of the browser; keep what it loads and complains of.

    `route(page)` may come between before it is opened.
    """
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
    page.goto(address)
    return page


def reached_by_tab(page, controls):
    """How many of the controls Tab comes to, on to the links after the text; each shows it."""
    reached, before = 0, "the page's beginning"
    for _ in range(400):
        page.keyboard.press("Tab")
        inside, outline, end, now = page.evaluate(
            """controls => { const e = document.activeElement, s = getComputedStyle(e);
                return [e.matches(controls), s.outlineStyle != "none" || s.boxShadow != "none",
                        !!e.closest(".prev-next-area"), e.outerHTML.slice(0, 300)]; }""",
            controls,
        )
        if now.startswith("<body"):  # a key that came before the page listened, or a lost focus
            assert not reached, f"lost after {before}"
            continue
        assert outline, now
        reached, before = reached + inside, now
        if end:
            break
    return reached


@pytest.fixture
def visit(browser, built):
    """Open a page of the built site, from its file if not from an address (see `open_in`)."""
    contexts = []

    def visit(name, address=None, route=None, **options):
        contexts.append(browser.new_context(**options))
        root = address or (built / "html").as_uri()
        path, _, query = name.partition("?")
        return open_in(contexts[-1], f"{root}/{path}.html" + (f"?{query}" if query else ""), route)

    yield visit
    for context in contexts:
        context.close()
