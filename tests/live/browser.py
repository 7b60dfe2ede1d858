# SPDX-License-Identifier: MIT
"""Headless Chromium with real clicks and keys: what the tests of the flame graph and of the page share."""

import contextlib
import json
import os
import tempfile
import time
import urllib.parse

import pytest

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

DRIVER = "/usr/bin/chromedriver"
OPTIONS = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --window-size=1400,900""".split()


@pytest.fixture(scope="module")
def driver():
    if not os.path.exists(DRIVER):
        pytest.skip(f"no {DRIVER} here: scripts/install-deps.sh")
    options = webdriver.ChromeOptions()
    for argument in OPTIONS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # It leaves a folder behind whenever it ends.
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "TMPDIR": folder}
        service = webdriver.chrome.service.Service(DRIVER, env=environment)
        browser = webdriver.Chrome(service=service, options=options)
        yield browser
        browser.quit()


def until(true, what, seconds):
    deadline = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)


class Browser:
    def __init__(self, driver):
        self.driver = driver

    def open(self, path, fragment=""):
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(path.as_uri() + fragment)

    def element(self, name):
        return self.driver.find_element(By.ID, name)

    def keys(self, *keys):
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def move_to(self, x, y, action):
        """The mouse moves as a hand would, and does `action` there."""
        chain = ActionChains(self.driver, duration=0)
        chain.w3c_actions.pointer_action.move_to_location(int(x), int(y))
        if action == "click":
            chain.w3c_actions.pointer_action.click()
        chain.perform()

    def fragment(self):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.driver.current_url).fragment))

    def focused(self):
        return self.driver.execute_script("return document.activeElement && document.activeElement.id")

    def problems(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@contextlib.contextmanager
def screen(page, width, height, media=""):
    """A screen of any size, also one narrower than a window can be; or paper."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
    try:
        yield
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
