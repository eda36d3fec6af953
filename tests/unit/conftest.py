"""Unit tests are pure: no test below this folder can open a connection to anywhere."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: Any) -> NoReturn:
        raise AssertionError(
            f"a unit test tried to reach {address!r}; tests that need a server go to tests/contract or tests/pipeline"
        )

    for verb in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, verb, refuse)
