"""A page in Chromium, Firefox or WebKit, by what the drivers of all three can do.

Puppeteer drives Chromium and Firefox (puppet.js), Selenium drives WebKitGTK, all as Debian has
them. An element is named by its CSS selector or, from `//` on, by its XPath.
"""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from conftest import ROOT

from workflow.site.browser import FLAGS, NoBrowser, find

#: Debian's packages, by the commands that they bring.
PACKAGES = {"firefox-esr": "firefox-esr", "WebKitWebDriver": "webkit2gtk-driver", "Xvfb": "xvfb"}


def found(command, other=""):
    """Return the path of a command, or of another of its kind; NoBrowser where there is none."""
    if path := shutil.which(command) or shutil.which(other):
        return path
    raise NoBrowser(f"{command} is not here: Debian's package {PACKAGES[command]} brings it")


class Puppet:
    """A page of Chromium's or Firefox's: each call is a line to puppet.js, and its answer."""

    def __init__(self, process):
        self.process = process

    def _ask(self, *words):
        print(json.dumps(words), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline() or '{"error": "the browser has ended"}')
        assert "error" not in answer, (words, answer["error"])
        return answer.get("value")

    def go(self, address):
        self._ask("go", address)

    def evaluate(self, expression):
        return self._ask("evaluate", expression)

    def resize(self, width, height):
        self._ask("resize", width, height)

    def click(self, selector):
        self._ask("click", selector)

    def give(self, selector, text):
        """Type something in place of what stands there."""
        self._ask("give", selector, text)

    def draw(self, pointer, selector, *points):
        """Draw through points of an element, from 0 to 1 each way, by "mouse" or "touch"."""
        self._ask("draw", pointer, selector, points)


class Driven:
    """The same for a page of WebKit's, by Selenium."""

    def __init__(self, driver):
        self.driver = driver
        self.go, self.resize = driver.get, driver.set_window_size

    def evaluate(self, expression):
        return self.driver.execute_script(f"return {expression}")

    def click(self, selector):
        self._seen(selector).click()

    def give(self, selector, text):
        from selenium.webdriver.common.keys import Keys

        self.click(selector)
        self._seen(selector).send_keys(Keys.CONTROL, "a")
        self._seen(selector).send_keys(text, Keys.ENTER)

    def draw(self, pointer, selector, *points):
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.actions.pointer_input import PointerInput

        box = self.driver.execute_script(
            "return arguments[0].getBoundingClientRect().toJSON()", self._seen(selector)
        )
        chain = ActionChains(self.driver, duration=50, devices=[PointerInput(pointer, pointer)])
        for place, (x, y) in enumerate(points):
            at = round(box["x"] + x * box["width"]), round(box["y"] + y * box["height"])
            chain.w3c_actions.pointer_action.move_to_location(*at)
            if not place:
                chain.w3c_actions.pointer_action.pointer_down()
        chain.w3c_actions.pointer_action.pointer_up()
        chain.perform()

    def _seen(self, selector):
        by = "xpath" if selector.startswith("//") else "css selector"
        element = self.driver.find_element(by, selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        return element


@contextlib.contextmanager
def puppet(browser, path, *flags):
    """Yield a page of Chromium's ("chrome") or Firefox's."""
    if not (ROOT / "node_modules" / "puppeteer-core").is_dir():
        raise NoBrowser("puppeteer-core is not here: `npm install` brings it")
    command = ["node", str(Path(__file__).with_name("puppet.js")), browser, path, *flags]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen(command, **pipes) as process:
        yield Puppet(process)
        process.stdin.close()  # it closes the browser then, and ends


def chromium():
    return puppet("chrome", find(), *FLAGS)


def firefox():
    return puppet("firefox", found("firefox-esr", "firefox"))


@contextlib.contextmanager
def webkit():
    """Yield a page of WebKitGTK's, on a screen of its own, since it has no mode without one."""
    from selenium import webdriver
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    driver, screen = found("WebKitWebDriver"), found("Xvfb")
    options = Options()
    options.binary_location = str(next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")))
    options.add_argument("--automation")
    number, written = os.pipe()
    command = [screen, "-displayfd", str(written), "-screen", "0", "1600x1200x24"]
    with subprocess.Popen(command, pass_fds=[written], stderr=subprocess.DEVNULL) as xvfb:
        try:
            display = f":{os.read(number, 16).decode().strip()}"
            service = Service(driver, env=os.environ | {"DISPLAY": display})
            with webdriver.WebKitGTK(options=options, service=service) as kit:
                yield Driven(kit)
        finally:
            xvfb.terminate()


DRIVERS = {"chromium": chromium, "firefox": firefox, "webkit": webkit}
