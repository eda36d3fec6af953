"""What we make of luigid's answers, and of those of whatever stands before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from luigi.interface import core

from taxi_luigi.runs import scheduler_client

ANSWERS = [(502, {"message": "bad gateway"}), (200, {"message": "welcome"}), (200, ["what?"]), (200, None)]


@pytest.fixture(params=ANSWERS, ids=str)
def proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server with words of its own, where luigid should be."""
    status, body = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        monkeypatch.setattr(scheduler_client, "address", lambda: f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(core(), "local_scheduler", False)
        yield
        server.shutdown()
        thread.join()


@pytest.mark.filterwarnings("ignore::luigi.parameter.UnconsumedParameterWarning")
@pytest.mark.usefixtures("proxy")
def test_words_that_are_not_luigids_count_as_no_answer() -> None:
    scheduler_client.prune_workers()
    assert scheduler_client.failed({"LoadMonth"}) == {}
    assert not scheduler_client.stuck({"LoadMonth"})
    assert scheduler_client.knows("LoadMonth_1")
    assert not scheduler_client.tell("LoadMonth_1", "working", 7)
