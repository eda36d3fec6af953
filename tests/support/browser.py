"""A page as a person sees it, in headless Chromium, driven by its own protocol over a pair of pipes: no driver needed.

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

_ANSWERS_WITHIN = 10
"""seconds beyond a page's own limit in which Chromium answers, so that a page that lacks a text can still be shown"""


def dom(url: str, wait_for: str, timeout: float = 60) -> str:
    """The page's document as HTML, once it contains `wait_for`; fails the test when it does not within `timeout` s."""
    with _page(url, timeout) as page:
        return page.wait(wait_for)


def screenshot(url: str, path: Path, wait_for: str = "", timeout: float = 60) -> None:
    """Writes a PNG of the page's upper 1400 × 900 points, once its document contains `wait_for`."""
    with _page(url, timeout) as page:
        page.wait(wait_for)
        path.write_bytes(base64.b64decode(page.ask("Page.captureScreenshot")["data"]))


class _Page:
    """One tab. Messages are JSON objects that end with a zero byte."""

    def __init__(self, requests: int, answers: int, deadline: float) -> None:
        self._requests, self._answers, self._deadline = requests, answers, deadline
        self._number = 0
        self._received = b""
        self._session: dict[str, str] = {}

    def open(self, url: str) -> None:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        failure = self.ask("Page.navigate", url=url).get("errorText")
        assert not failure, f"{url}: {failure}"

    def wait(self, text: str) -> str:
        while True:
            answer = self.ask("Runtime.evaluate", expression="document.documentElement.outerHTML")
            html = str(answer["result"].get("value", ""))
            if text in html:
                return html
            assert time.monotonic() < self._deadline, f"the page never had {text!r}; it is now:\n{html}"
            time.sleep(0.1)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
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
            left = self._deadline + _ANSWERS_WITHIN - time.monotonic()
            ready, _, _ = select.select([self._answers], [], [], max(0, left))
            assert ready, "chromium did not answer in time"
            data = os.read(self._answers, 1 << 16)
            assert data, "chromium ended"
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def _page(url: str, timeout: float) -> Iterator[_Page]:
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
            page = _Page(requests, answers, time.monotonic() + timeout)
            page.open(url)
            yield page
        finally:
            os.close(requests)  # which ends Chromium and all its processes
            os.close(answers)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
