"""A headless Chromium, and what it shows of a served app."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.runs import eventually

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,900",
)

_KEEP_THE_TERMINAL = """
Object.defineProperty(Object.prototype, "terminal", {
  configurable: true,
  set(value) {
    Object.defineProperty(this, "terminal", {value, writable: true, configurable: true});
    if (value && value.buffer && !window.shownTerminal) window.shownTerminal = value;
  },
});
"""
"""Textual's page draws on a canvas and keeps xterm.js, which knows the text, to itself."""

_TEXT = """
const shown = window.shownTerminal && window.shownTerminal.buffer.active;
if (!shown) return "";
return Array.from({length: shown.length}, (_, row) =>
  shown.getLine(row).translateToString(true)).join("\\n");
"""


class Browser:
    """A page in Chromium."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver
        driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": _KEEP_THE_TERMINAL}
        )

    def open(self, url: str) -> None:
        self._driver.get(url)

    def text(self) -> str:
        """What the terminal in the page shows."""
        return str(self._driver.execute_script(_TEXT))

    def press(self, *keys: str, ctrl: bool = False) -> None:
        """Type text, or keys of selenium's `Keys`."""
        actions = ActionChains(self._driver)
        held = [Keys.CONTROL] if ctrl else []
        for key in held:
            actions = actions.key_down(key)
        actions = actions.send_keys(*keys)
        for key in held:
            actions = actions.key_up(key)
        actions.perform()

    def wait_for(self, *texts: str) -> None:
        self.wait_until(lambda text: all(wanted in text for wanted in texts), str(texts))

    def wait_until(self, holds: Callable[[str], object], what: str) -> None:
        try:
            eventually(lambda: holds(self.text()), what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the terminal:\n{self.text()}") from None

    def save_picture(self, path: Path) -> None:
        self._driver.save_screenshot(str(path))

    def requested(self) -> Sequence[str]:
        """What was got over the network."""
        entries = [json.loads(entry["message"])["message"] for entry in self._log()]
        return [
            message["params"]["response"]["url"]
            for message in entries
            if message["method"] == "Network.responseReceived"
            and not message["params"]["response"]["url"].startswith(("chrome://", "data:"))
        ]

    def _log(self) -> Sequence[dict[str, str]]:
        return list(self._driver.get_log("performance"))  # type: ignore[no-untyped-call]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Chromium with a new profile and its downloads in `profile`/downloads."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = Options()
    options.binary_location = CHROMIUM
    for switch in (*_SWITCHES, f"--user-data-dir={profile}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(profile / "downloads")}
    )
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
