"""Commands on a terminal of their own, and what is to be seen there in the end."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable

from tests.support.project import BIN, Project, environment


def screen(written: str) -> list[str]:
    """What a terminal shows in the end of what was written to it: of a line, what was not written over or cleared."""
    lines, column = [""], 0
    for part in re.findall(r"\x1b\[K|\x1b\[A|\r|\n|[^\x1b\r\n]+|\x1b", written):
        if part == "\n":
            lines.append("")
        elif part == "\r":
            column = 0
        elif part == "\x1b[K":
            lines[-1] = lines[-1][:column]
        else:
            assert not part.startswith("\x1b"), "a terminal is asked for nothing else"
            lines[-1] = lines[-1][:column].ljust(column) + part + lines[-1][column + len(part) :]
            column += len(part)
        if part == "\n":
            column = 0
    return [line.rstrip() for line in lines]


def on_a_terminal(
    project: Project,
    name: str,
    *args: object,
    columns: int = 100,
    term: str = "xterm",
    typed: bytes = b"",
    meanwhile: Callable[[int], None] | None = None,
) -> tuple[int, str]:
    """Exit code of a command and everything that it wrote, and of what was `typed` before it asked; `meanwhile` is told
    its process number.
    """
    main, side = pty.openpty()
    subprocess.run(["stty", "cols", str(columns), "rows", "30"], stdin=side, check=True)
    command = [str(part) for part in (BIN / name, *args)]
    process = subprocess.Popen(
        command, cwd=project.folder, env=environment({"TERM": term}), stdin=side, stdout=side, stderr=side,
        start_new_session=True,
    )  # fmt: skip
    os.close(side)
    os.write(main, typed)
    if meanwhile is not None:
        meanwhile(process.pid)
    written = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([main], [], [], 1.0)[0]:
            continue
        try:
            piece = os.read(main, 65536)
        except OSError:  # EIO: nobody has the other side any more
            break
        if not piece:
            break
        written += piece
    os.close(main)
    return process.wait(timeout=10), written.decode().replace("\r\n", "\n")
