"""Commands on a terminal of their own, and what is to be seen there in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping

from tests.support.project import BIN, Project, environment


def screen(written: str) -> list[str]:
    """What a terminal shows in the end of what was written to it: of a line, what was not written over or cleared."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+|\x1b", written):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row == len(lines))
        elif part == "\r":
            column = 0
        elif part == "\x1b[K":
            lines[row] = lines[row][:column]
        elif part == "\x1b[J":
            lines[row:] = [lines[row][:column]]
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1])
            assert row >= 0
        elif not part.endswith("m") or not part.startswith("\x1b"):  # colors
            assert not part.startswith("\x1b"), f"a terminal is asked for nothing else than {part!r}"
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return [line.rstrip() for line in lines]


class Terminal:
    """A command on a terminal of its own."""

    def __init__(
        self, project: Project, name: str, *args: object, columns: int = 100, env: Mapping[str, str] | None = None
    ) -> None:
        self._main, side = pty.openpty()
        self.resize(columns)
        self.process = subprocess.Popen(
            [str(part) for part in (BIN / name, *args)], cwd=project.folder,
            env=environment({"TERM": "xterm"} | dict(env or {})), stdin=side, stdout=side, stderr=side,
            start_new_session=True,
        )  # fmt: skip
        os.close(side)
        self._written = b""

    def resize(self, columns: int) -> None:
        """Set the columns; there are 30 lines."""
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def type(self, text: bytes) -> None:
        """Type it."""
        os.write(self._main, text)

    @property
    def written(self) -> str:
        """Everything that was written so far."""
        return self._written.decode().replace("\r\n", "\n")

    def read_until(self, pattern: str) -> None:
        """Read on until the pattern is found in what is written from now on."""
        begin, deadline = len(self.written), time.monotonic() + 60
        while not re.search(pattern, self.written[begin:]):
            assert self._read(), self.written
            assert time.monotonic() < deadline, self.written

    def end(self) -> tuple[int, str]:
        """Return the exit code, and everything that was written."""
        while self._read():
            pass
        os.close(self._main)
        return self.process.wait(timeout=10), self.written

    def _read(self) -> bool:
        """Read some more; False when the other side is closed."""
        if not select.select([self._main], [], [], 60)[0]:
            raise AssertionError(f"nothing was written for a minute after {self.written}")
        try:
            piece = os.read(self._main, 65536)
        except OSError:  # EIO: nobody has the other side any more
            return False
        self._written += piece
        return bool(piece)


def on_a_terminal(
    project: Project,
    name: str,
    *args: object,
    columns: int = 100,
    typed: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Exit code of a command and everything that it wrote, and of what was `typed` before it asked."""
    terminal = Terminal(project, name, *args, columns=columns, env=env)
    terminal.type(typed)
    return terminal.end()
