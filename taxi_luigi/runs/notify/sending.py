"""Sends a message by courier.py, and says in the log who was told. What it cannot reach costs a log line and seconds.

The courier is a process of its own: it can be ended whatever a service does, takes apprise's memory with it, and
runs even where Python, about to exit, starts no more threads.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from taxi_luigi.core.logs import log
from taxi_luigi.runs.notify.addresses import hidden, place
from taxi_luigi.runs.notify.message import Message

_COURIER = Path(__file__).with_name("courier.py")
PATIENCE = 10.0
"""seconds for each service; all are asked at once, first those that get the page, then those that get text"""
_LIMIT = 2 * PATIENCE + 10.0
"""seconds after which the courier is ended; Python and apprise take half a second to start"""


def send(message: Message, urls: tuple[str, ...], patience: float = PATIENCE) -> None:
    """Logs a line for the services that were told, and one for each that was not."""
    order = {**asdict(message), "urls": urls, "patience": patience}
    try:
        # -P: no module that lies beside the courier is ever taken for a library's.
        answer = subprocess.run(  # noqa: S603 our own program
            [sys.executable, "-P", str(_COURIER)],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=_LIMIT,
            check=True,
        )
    except subprocess.TimeoutExpired:
        log.warning("Nobody was told of this run: sending took more than %.0f seconds", _LIMIT)
        return
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        log.warning("Nobody was told of this run: %s", hidden(last, urls) or f"exit code {error.returncode}")
        return
    told = []
    for private_url, why in json.loads(answer.stdout):
        where = place(private_url)
        if why:
            log.warning("%s was not told of this run: %s", where, hidden(why, urls).rstrip("."))
        else:
            told.append(where)
    if told:
        log.info("Told of this run: %s", ", ".join(told))
