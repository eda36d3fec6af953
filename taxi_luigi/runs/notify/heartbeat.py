"""The heartbeat: one GET request after a good run, by which a monitor notices when there was none.

Whatever the server does, it costs a log line and LIMIT seconds. The address is a password: its path is a token.
"""

from __future__ import annotations

from threading import Thread

from taxi_luigi.core.logs import log
from taxi_luigi.runs.notify.sending import place

LIMIT = 10.0
"""seconds for all attempts; a server that sends a byte now and then meets no time limit of a socket"""
_ATTEMPTS, _PAUSE = 3, 0.5
"""attempts, and seconds before the second, doubled before the third: a request that is lost is a false alarm"""
_AGAIN = (429, 500, 502, 503, 504)


def beat(url: str, limit: float = LIMIT) -> None:
    """Request the address, and log a warning unless the server accepts that."""
    answers: list[str] = []
    # A daemon: neither the run nor Python's end waits for it.
    thread = Thread(target=lambda: answers.append(_ask(url, limit)), daemon=True)
    thread.start()
    thread.join(limit)
    why = answers[0] if answers else f"no answer within {limit:g} s"
    if why:
        log.warning("heartbeat not sent to %s: %s", place(url), why)


def _ask(url: str, timeout: float) -> str:
    """Return why the request failed, without the address; '' when it did not."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    again = Retry(_ATTEMPTS - 1, backoff_factor=_PAUSE, status_forcelist=_AGAIN, raise_on_status=False)
    try:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=again))
            with session.get(url, timeout=timeout, stream=True) as answer:
                return "" if answer.ok else f"the server answers {answer.status_code}"
    except requests.exceptions.SSLError:
        return "its certificate is not trusted; REQUESTS_CA_BUNDLE names its authority"
    except (requests.RequestException, ValueError) as error:  # its text has the path
        return f"no answer ({type(error).__name__})"
