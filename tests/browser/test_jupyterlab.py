"""A chapter in JupyterLab: opened, changed, run from top to bottom, without an error."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from conftest import ROOT, until


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a copy of the book, in its dark theme."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "book", folder / "book")
    shutil.copy(ROOT / "_toc.yml", folder)
    a_readers_own(folder / "mine")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text(
        '{"theme": "JupyterLab Dark"}', encoding="utf-8"
    )
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={port}"]
    command += ["--allow-root", f"--notebook-dir={folder / 'book'}", "--IdentityProvider.token="]
    command += [f"--LabApp.user_settings_dir={folder / 'settings'}"]
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{address}/api"), 60, "JupyterLab to start")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def a_readers_own(folder):
    """Write a reader's own data: 200 images of 12 by 12 pixels in three files."""
    rng, labels = np.random.default_rng(0), np.arange(200) % 10
    images = 0.7 * rng.random((10, 12, 12))[labels] + 0.3 * rng.random((200, 12, 12))
    folder.mkdir()
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    names = "ant bee cat dog elk fox gnu hen ibis jay"
    (folder / "names.txt").write_text(names.replace(" ", "\n"), encoding="utf-8")


def answers(address):
    with contextlib.suppress(OSError):
        return json.load(urllib.request.urlopen(address))


@pytest.mark.thorough
def test_a_chapter_opens_and_runs_on_other_data_after_a_number_was_changed(browser, lab):
    page = browser.new_page(viewport={"width": 1280, "height": 6000})
    page.goto(f"{lab}/lab/tree/techniques/l2.ipynb?reset")
    # The page calls itself idle before there is a kernel, and runs nothing then.

    def kernels():
        return [k for k in answers(f"{lab}/api/kernels") or [] if k["connections"]]

    until(lambda: [k["execution_state"] for k in kernels()] == ["idle"], 90, "the kernel")
    page.locator(".jp-Notebook .katex").first.wait_for()
    assert page.locator(".jp-Notebook aside, .jp-Notebook .admonition").count() >= 1

    def typed(line, old, new):
        """Put something in the place of what a line has before its last sign."""
        page.locator(".jp-CodeCell .cm-line", has_text=line).first.click()
        for key in ["End", "ArrowLeft", *["Backspace"] * len(old)]:
            page.keyboard.press(key)
        page.keyboard.type(new)

    typed('dataset = "auto"', "auto", "folder:../../mine")
    typed("strength=1e-4", "4", "3")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".jp-OutputArea-output", has_text="L2(strength=0.001)").wait_for(timeout=120_000)

    assert page.get_by_text("ibis").count()
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    text = page.locator(".jp-Notebook figure svg text").first
    fill = text.evaluate("text => getComputedStyle(text).fill")
    channels = [int(channel) for channel in fill.strip("rgba()").split(",")[:3]]
    assert min(channels) > 150, "dark text on the dark theme"
    page.close()


def test_training_shows_how_far_it_is(tmp_path):
    code = (
        "from regularization.core import data, settings; from regularization.results import store;"
        "store.train(settings.Settings(steps=1000), data.load('digits'))"
    )
    environment = os.environ | {"RUNS_DIR": str(tmp_path)}
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env=environment,
        encoding="utf-8",
    )
    assert process.returncode == 0 and "/1000 [" in process.stderr
