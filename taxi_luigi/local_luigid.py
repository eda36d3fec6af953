"""Where a `luigi` command will look for luigid, when that is on this machine. Asks nobody."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from urllib.parse import urlsplit

from luigi.interface import core


def port_for(arguments: Sequence[str]) -> int | None:
    """The port of 127.0.0.1, from luigi's arguments or `[core]`; None for another machine or `--local-scheduler`.

    Raises ValueError or configparser.Error for a luigi.cfg that cannot be read.
    """
    settings = core()
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--local-scheduler", action="store_true", default=settings.local_scheduler)
    for name in ("host", "port", "url"):
        parser.add_argument(f"--scheduler-{name}", default=getattr(settings, f"scheduler_{name}"))
    given = parser.parse_known_args(arguments)[0]
    if given.local_scheduler:
        return None
    url = urlsplit(given.scheduler_url or f"http://{given.scheduler_host}:{given.scheduler_port}")
    # With a user, it is a proxy that asks for a password: no luigid of ours.
    bare = url.scheme == "http" and url.username is None and url.path in ("", "/")
    here = bare and url.hostname in ("localhost", "127.0.0.1")
    return (url.port or 80) if here else None
