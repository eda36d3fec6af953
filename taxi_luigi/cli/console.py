"""rich's console, as the commands use it."""

from __future__ import annotations

from typing import NoReturn

import rich.console


class Console(rich.console.Console):
    """Leaves it to the command how it ends when nobody reads it any more: rich's own ends the process with 1."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError
