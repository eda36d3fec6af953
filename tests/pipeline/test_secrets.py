"""No secret that a person may have is in anything that a run says, keeps or shows, also when what it needs fails."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import duckdb
import psutil
import psycopg2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg2 import sql

from tests.support import secrets
from tests.support.azure import AzureServer, lake_section, sas_of
from tests.support.cdn import Cdn, Status
from tests.support.cron import Cron
from tests.support.luigid import Luigid
from tests.support.mailbox import Mailbox
from tests.support.postgres import Postgres
from tests.support.project import BIN, ROOT, Project, Run
from tests.support.s3 import S3Server
from tests.support.secrets import leaks, leaks_below
from tests.support.webhook import Webhook

MONTHS = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03", "--workers", "2")
REPEATED = f"<html>403 for /trip-data/?token={secrets.SOURCE_TOKEN} of {secrets.SOURCE_PASSWORD}</html>".encode()
"""what a firewall answers that repeats the address it was asked for"""


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[str]:
    """An empty database, as a user whose password is one of the secrets."""
    user = sql.Identifier("hush")
    postgres_server.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(
        user, sql.Literal(secrets.POSTGRES)))  # fmt: skip
    try:
        with postgres_server.database() as url:
            yield postgres_server.url(url.rpartition("/")[2], "hush", secrets.POSTGRES)
    finally:
        postgres_server.execute(sql.SQL("DROP ROLE {}").format(user))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A service account's key, which nobody has to do with."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "key.json"
    path.write_text(json.dumps({
        "type": "service_account", "project_id": "taxi", "client_email": "robot@taxi.iam.gserviceaccount.com",
        "private_key": pem.decode(), "private_key_id": "1", "token_uri": "http://127.0.0.1:1/token",
    }))  # fmt: skip
    path.chmod(0o600)
    return path


def lines_of(key_file: Path) -> tuple[str, ...]:
    """Those of the key itself."""
    return tuple(json.loads(key_file.read_text())["private_key"].splitlines()[1:-1])


@dataclass
class Watch:
    """The command lines of all processes of the machine but this one, as anybody sees them by `ps`."""

    seen: set[str] = field(default_factory=set)

    @contextmanager
    def watching(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._look, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _look(self, over: threading.Event) -> None:
        while not over.wait(0.05):
            for pid in psutil.pids():
                with suppress(OSError):
                    self.seen.add(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"))


def api(luigid: Luigid, method: str, **arguments: Any) -> Any:
    data = urllib.parse.quote(json.dumps(arguments))
    with urllib.request.urlopen(f"{luigid.url}/api/{method}?data={data}", timeout=10) as answer:
        return json.load(answer)["response"]


def scheduler_says(luigid: Luigid) -> dict[str, Any]:
    """Everything that luigid's pages are made of."""
    said: dict[str, Any] = {}
    for status in ("PENDING", "RUNNING", "DONE", "FAILED", "DISABLED", "UNKNOWN"):
        said[status] = api(luigid, "task_list", status=status, upstream_status="", limit=False)
    for task in [task for status in list(said) for task in said[status]]:
        for question in ("fetch_error", "dep_graph", "get_task_status_message", "get_task_progress_percentage"):
            said[f"{question} {task}"] = api(luigid, question, task_id=task)
    for question in ("worker_list", "resource_list"):
        said[question] = api(luigid, question)
    with suppress(urllib.error.HTTPError), urllib.request.urlopen(f"{luigid.url}/metrics", timeout=10) as answer:
        said["metrics"] = answer.read().decode()
    return said


def asked(project: Project, env: dict[str, str]) -> dict[str, Run]:
    """What our own command says when it is asked for everything."""
    months = ("--colors", "green", "--months", "2021-01..2021-03")
    commands: Sequence[tuple[str, ...]] = (
        ("plan", *months), ("status", "--json"), ("verify", *months), ("doctor",), ("history", "--json"),
        ("loaded",),
    )  # fmt: skip
    return {" ".join(words): project.command("taxi-luigi", *words, env=env) for words in commands}


def markers(url: str) -> str:
    """The table of the loads in PostgreSQL."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM taxi_luigi_loads")
        return str(cursor.fetchall())


def in_duckdb(project: Project) -> str:
    """The same in DuckDB, whose file may hold it compressed."""
    with duckdb.connect(str(project.warehouse), read_only=True) as connection:
        return str(connection.execute("SELECT * FROM taxi_luigi_loads").fetchall())


def in_bucket(server: S3Server, bucket: str) -> str:
    """Names and labels of the objects."""
    client = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1")
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return str({key: client.head_object(Bucket=bucket, Key=key)["Metadata"] for key in keys})


@pytest.fixture
def _usual_umask() -> Iterator[None]:
    """Of a system as it is installed: others may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@dataclass
class Everything:
    """A project with each secret that there can be in its environment."""

    project: Project
    env: dict[str, str]
    bucket: str
    container: str


@pytest.fixture
def everything(
    loading: Project, cdn: Cdn, postgres: str, moto_server: S3Server, aws_variables: None, azurite: AzureServer
) -> Everything:
    there = cdn.url.partition("://")[2]
    bucket, container = moto_server.bucket(), azurite.fresh_container()
    env = {
        "SOURCE": f"http://robot:{secrets.SOURCE_PASSWORD}@{there}/trip-data/{{color}}_tripdata_{{year}}-{{month:02}}"
        f".parquet?token={secrets.SOURCE_TOKEN}",
        "ZONES": f"http://robot:{secrets.ZONES_PASSWORD}@{there}/misc/taxi_zone_lookup.csv?token={secrets.ZONES_TOKEN}",
        "POSTGRES_URL": postgres,
        "WRONG_URL": postgres.replace(secrets.POSTGRES, f"{secrets.POSTGRES}0"),
        "AWS_SECRET_ACCESS_KEY": secrets.AWS_SECRET,
        "AWS_SESSION_TOKEN": secrets.AWS_SESSION,
        "AZURE": sas_of(container),
        "SMTP_PASSWORD": secrets.SMTP,
    }
    loading.configure(
        {
            "taxi": {
                "source": "${SOURCE}",
                "zones": "${ZONES}",
                "lake": "local, s3, azure",
                "warehouse": "duckdb, postgres, wrong",
            },
            "lake.s3": {"bucket": bucket, "endpoint_url": moto_server.url, "region": "us-east-1"},
            "lake.azure": lake_section(azurite, container) | {"credential": "${AZURE}"},
            "warehouse.postgres": {"url": "${POSTGRES_URL}"},
            "warehouse.wrong": {"type": "postgres", "url": "${WRONG_URL}"},
        }
    )
    return Everything(loading, env, bucket, container)


def letters(mailbox: Mailbox) -> str:
    """Every mail, decoded: no secret is cut by the end of a line, or hidden in Base64."""
    parts = [part for mail in mailbox.mails for part in mail.walk() if not part.is_multipart()]
    return "\n".join(str(mail.items()) for mail in mailbox.mails) + "\n".join(str(part.get_content()) for part in parts)


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    """In other cases, in Base64 behind any number of letters, in bytes and in names of files."""
    for user in ("a", "ab", "abc"):
        header = base64.b64encode(f"{user}:{secrets.SMTP}".encode()).decode()
        assert leaks(f"Authorization: Basic {header}") == [secrets.SMTP]
    assert leaks(secrets.POSTGRES.upper().encode()) == [secrets.POSTGRES]
    (tmp_path / secrets.NOTIFY_TOKEN).touch()
    (tmp_path / "file").write_bytes(b"\0\xff" + secrets.SCHEDULER.encode())
    assert set(leaks_below(tmp_path)) == {str(tmp_path / secrets.NOTIFY_TOKEN), str(tmp_path / "file")}
    assert leaks("no secret", "line of a key") == []


@pytest.mark.usefixtures("_usual_umask")
def test_nothing_that_a_run_prints_shows_or_keeps_holds_a_secret(
    everything: Everything, cdn: Cdn, moto_server: S3Server, azurite: AzureServer, tmp_path: Path
) -> None:
    """Two months and a warehouse fail; at DEBUG, so that all is said that can be."""
    project, env = everything.project, everything.env
    cdn.fault("green_tripdata_2021-02.parquet", *[Status(500)] * 20)
    cdn.fault("green_tripdata_2021-03.parquet", *[Status(403, REPEATED)] * 20)
    watch = Watch()
    with Mailbox() as mailbox, Webhook() as webhook, Luigid(tmp_path / "luigid") as luigid:
        env["NOTIFY"] = (
            f"json://robot:{secrets.NOTIFY_PASSWORD}@127.0.0.1:{webhook.port}/{secrets.NOTIFY_TOKEN}"
            f"?+X-Key={secrets.NOTIFY_HEADER}, json://127.0.0.1:1/{secrets.NOTIFY_TOKEN}"
        )
        env["SCHEDULER"] = luigid.url.replace("://", f"://robot:{secrets.SCHEDULER}@")
        project.configure(
            {
                "core": {"scheduler_url": "${SCHEDULER}"},
                "notify": {"urls": "${NOTIFY}"},
                "email": {"receiver": "you@example.com", "sender": "taxi@example.com", "force_send": "true"},
                "smtp": {"host": "127.0.0.1", "port": mailbox.port, "password": "${SMTP_PASSWORD}"},
            }
        )
        with watch.watching():
            done = project.command("luigi", "--module", "taxi_luigi", *MONTHS, "--log-level", "DEBUG", env=env)
        assert done.rc == 30, done.out
        places = {"terminal": done.out, "scheduler": json.dumps(scheduler_says(luigid)), "mails": letters(mailbox)}
        places |= {name: run.out for name, run in asked(project, env).items()}
        page = project.workspace / "report.html"
        places["report"] = project.run("Report", "--path", page, env=env).out
        assert "trips" in page.read_text()
    assert "DownloadMonth" in places["mails"]
    assert len(webhook.posts) == 1
    assert any("courier" in line for line in watch.seen), "the processes were not looked at in time"
    places |= {
        "webhook": json.dumps(webhook.posts),
        "ps": "\n".join(watch.seen),
        "markers": markers(env["POSTGRES_URL"]) + in_duckdb(project),
        "bucket": in_bucket(moto_server, everything.bucket),
        "container": str(list(azurite.container(everything.container).list_blobs(include=["metadata"]))),
    }
    # Of the signature, which is in the address of each request
    signed = max(re.findall(r"\w+", urllib.parse.unquote(env["AZURE"]).rpartition("sig=")[2]), key=len)
    assert {place: found for place, text in places.items() if (found := leaks(text, signed))} == {}
    assert leaks_below(project.workspace, project.state, tmp_path / "luigid", more=(signed,)) == {}
    assert_private(project)


def assert_private(project: Project) -> None:
    """What tells of runs is its owner's alone; trips are for whom the umask lets read them."""
    kept = [path for path in project.state.rglob("*") if path.suffix in (".sqlite", ".jsonl")]
    assert {path.suffix: oct(path.stat().st_mode & 0o777) for path in (project.state, *kept)} == {
        "": "0o700", ".sqlite": "0o600", ".jsonl": "0o600",
    }  # fmt: skip
    theirs = [path for path in project.workspace.rglob("*.*") if path.is_file()]
    assert {path.suffix: oct(path.stat().st_mode & 0o777) for path in theirs} == {
        ".duckdb": "0o644", ".parquet": "0o644", ".json": "0o644", ".html": "0o644",
    }  # fmt: skip


def test_what_is_typed_goes_no_further_than_ps(everything: Everything, cdn: Cdn) -> None:
    """`ps` shows a command line to everybody, which nobody can help: a secret's place is the environment."""
    project, env = everything.project, everything.env
    cdn.fault("green_tripdata_2021-01.parquet", *[Status(500)] * 20)
    with Mailbox() as mailbox:
        project.configure(
            {
                "taxi": {"zones": "", "lake": "local", "warehouse": "duckdb"},
                "email": {"receiver": "you@example.com", "sender": "taxi@example.com", "force_send": "true"},
                "smtp": {"host": "127.0.0.1", "port": mailbox.port},
            }
        )
        typed = ["LoadAllMonths", "--colors", "green", "--months", "2021-01", "--taxi-source", env["SOURCE"]]
        typed += ["--notify-urls", f"json://127.0.0.1:1/{secrets.NOTIFY_TOKEN}", "--local-scheduler"]
        typed += [f"--notify-heartbeat=http://127.0.0.1:1/{secrets.NOTIFY_TOKEN}"]
        typed += ["--notify-color-urls", f"green=json://127.0.0.1:1/{secrets.NOTIFY_TOKEN}"]
        cron_run = ROOT / "taxi_luigi" / "cli" / "cron_run.py"
        done = project.command("python", "-P", cron_run, project.folder, "--", *typed, env=env)
        history = project.command("taxi-luigi", "history", "--json", env=env)
    assert done.rc == 30, done.out
    [log] = (project.folder / "data" / "logs").iterdir()
    assert oct(log.stat().st_mode & 0o777) == "0o600"
    lock = project.folder / "data" / "cron-run.lock"
    for said in (history.out, letters(mailbox), log.read_text(), lock.read_text()):
        assert "--taxi-source" in said
        assert leaks(said) == []
    assert "green 2021-01 failed: DownloadMonth: " in done.out
    assert leaks(done.out) == []
    assert leaks_below(project.workspace, project.state) == {}


def test_a_secret_for_the_crontab_is_warned_of_and_not_shown(tmp_path: Path) -> None:
    source = f"https://robot:{secrets.SOURCE_PASSWORD}@example.com/{{color}}_{{year}}-{{month}}.parquet"
    with Cron(tmp_path) as cron:
        added = cron.command(
            [BIN / "taxi-luigi", "schedule", "@daily", "--", "LoadAllMonths", "--taxi-source", source], cwd=ROOT
        )
        listed = cron.command([BIN / "taxi-luigi", "schedule"], cwd=ROOT)
    assert added.rc == listed.rc == 0, added.out
    assert "has a secret in it, which ps and the crontab show" in added.out
    assert "https://***@example.com/" in listed.out
    assert leaks(added.out + listed.out) == []


class Refusing(BaseHTTPRequestHandler):
    """A proxy before luigid that does not know the password."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_scheduler_that_refuses_us_is_named_without_its_password(loading: Project) -> None:
    """Luigi logs its address as it is, and requests repeats it in its error (3.8.1)."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        loading.configure({"core": {"scheduler_url": "${SCHEDULER}", "rpc_retry_wait": 0}})
        env = {"SCHEDULER": f"http://robot:{secrets.SCHEDULER}@127.0.0.1:{server.server_address[1]}"}
        done = loading.command("luigi", "--module", "taxi_luigi", *MONTHS, "--log-level", "DEBUG", env=env)
        doctor = loading.command("taxi-luigi", "doctor", env=env)
        server.shutdown()
    assert done.rc == 40
    assert "luigid refuses us (HTTP 401): check user and password in [core] scheduler_url" in done.out
    assert "Traceback" not in done.out
    assert f"http://***@127.0.0.1:{server.server_address[1]}" in doctor.out
    assert leaks(done.out + doctor.out) == []
    assert leaks_below(loading.state) == {}


def test_a_key_of_googles_is_in_no_message(loading: Project, cdn: Cdn, key_file: Path) -> None:
    """Google's token server is one here that refuses every key."""
    key = json.loads(key_file.read_text()) | {"token_uri": cdn.url}
    key_file.write_text(json.dumps(key))
    google = {"endpoint": "https://127.0.0.1:1", "credentials_file": key_file}
    loading.configure(
        {
            "taxi": {"lake": "gcs", "warehouse": "bigquery"},
            "lake.gcs": {"bucket": "taxi", **google},
            "warehouse.bigquery": {"project": "taxi", **google},
        }
    )
    done = loading.run(*MONTHS, "--log-level", "DEBUG")
    assert done.rc == 40, done.out
    assert "Google refused the credentials" in done.out
    assert leaks(done.out, *lines_of(key_file)) == []
    assert leaks_below(loading.state, more=lines_of(key_file)) == {}
