"""A page as a person sees it, in headless Chromium, driven by its own protocol over a pair of pipes: no driver needed.

    with page(url) as shown:
        shown.wait("LoadMonth")                         # until its document contains a text
        shown.click("button.showError")                 # the first one that is to be seen
        shown.evaluate("document.title")                # JavaScript's value
        shown.screenshot(folder / "error.png")

Where there is no Chromium the test is skipped, which CI counts as a failure.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # refuses root otherwise; it only ever sees our own pages
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--window-size=1400,900",
)

_ANSWERS_WITHIN = 60
"""seconds in which Chromium answers anything, its own start on a busy machine among it"""


def dom(url: str, wait_for: str, timeout: float = 60) -> str:
    """The page's document as HTML, once it contains `wait_for`; fails the test when it does not within `timeout` s."""
    with page(url, timeout) as shown:
        return shown.wait(wait_for)


def screenshot(url: str, path: Path, wait_for: str = "", timeout: float = 60, width: int = 1400) -> None:
    """Writes a PNG of the page's upper `width` × 900 points, once its document contains `wait_for`."""
    with page(url, timeout, width) as shown:
        shown.wait(wait_for)
        shown.screenshot(path)


class Page:
    """One tab. Whatever is waited for fails the test when it does not come within the page's `timeout` s."""

    def __init__(self, requests: int, answers: int, timeout: float) -> None:
        self._requests, self._answers, self._timeout = requests, answers, timeout
        self._number = 0
        self._received = b""
        self._session: dict[str, str] = {}
        self._url = ""

    def open(self, url: str) -> None:
        """Shows another page in this tab, which is begun anew."""
        if not self._session:
            target = self.ask("Target.createTarget", url="about:blank")["targetId"]
            attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
            self._session = {"sessionId": attached["sessionId"]}
        self.ask("Page.navigate", url="about:blank")  # else another #fragment of the page would not load it again
        failure = self.ask("Page.navigate", url=url).get("errorText")
        assert not failure, f"{url}: {failure}"
        self._url = url

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Gives the window a size in points, each of `scale` pixels a side."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def wait(self, text: str) -> str:
        """The document as HTML, once it contains the text."""
        deadline = time.monotonic() + self._timeout
        while text not in (html := str(self.evaluate("document.documentElement?.outerHTML"))):
            assert time.monotonic() < deadline, f"the page never had {text!r}; it is now:\n{html}"
            time.sleep(0.1)
        return html

    def wait_until(self, expression: str) -> Any:
        """The value of a JavaScript expression, once it is true to JavaScript."""
        deadline = time.monotonic() + self._timeout
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"{expression} was never true of {self._url}"
            time.sleep(0.1)
        return value

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, as JSON has it."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Clicks on the first element of a CSS selector that is to be seen, by mouse, once it is there and still."""
        seen = f"[...document.querySelectorAll({json.dumps(selector)})].find(e => e.getClientRects().length)"
        find = (
            f"(() => {{ const e = {seen}; if (!e) return null; e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()"
        )
        where, before = self.wait_until(find), None
        while where != before:  # menus slide in
            time.sleep(0.2)
            where, before = self.wait_until(find), where
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            more = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.ask("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], **more)

    def screenshot(self, path: Path) -> None:
        """Writes a PNG of what the window shows."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to one of the protocol's methods. Messages are JSON objects that end with a zero byte."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        os.write(self._requests, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "result" in answer, f"{method}: {answer['error']['message']}"
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], _ANSWERS_WITHIN)
            assert ready, "chromium did not answer in time"
            data = os.read(self._answers, 1 << 16)
            assert data, "chromium ended"
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def page(url: str, timeout: float = 60, width: int = 1400) -> Iterator[Page]:
    """A page in a window of `width` × 900 points. `timeout` is for each thing that is waited for, in seconds."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium: sudo apt-get install chromium")
    to_child, requests = os.pipe()
    answers, from_child = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        # Chromium reads from file descriptor 3 and writes to 4; bash puts ours there.
        move = 'exec "$@" 3<&"$TO_CHILD" 4>&"$FROM_CHILD"'
        process = subprocess.Popen(
            ["bash", "-c", move, "bash", program, *_FLAGS, f"--user-data-dir={profile}"],
            env={**os.environ, "HOME": profile, "TO_CHILD": str(to_child), "FROM_CHILD": str(from_child)},
            pass_fds=(to_child, from_child),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        try:
            shown = Page(requests, answers, timeout)
            shown.open(url)
            shown.resize(width, 900)
            yield shown
        finally:
            os.close(requests)  # which ends Chromium and all its processes
            os.close(answers)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
