"""The image: what `docker run IMAGE …` does, for whom, how it ends, and what is in its layers."""

from __future__ import annotations

import io
import json
import re
import tarfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.image.engine import Engine, wait_for
from tests.support.project import ROOT

LOAD = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")
QUICKSTART = ("--env", "LUIGI_CONFIG_PATH=config/quickstart.cfg")
"""The settings of the quickstart: made-up months in data/sample as the source"""
COUNTS = """
import duckdb
rows = duckdb.connect("data/quickstart/warehouse.duckdb", read_only=True).execute(
    "SELECT strftime(file_month, '%Y-%m'), count(*) FROM {}_tripdata GROUP BY 1 ORDER BY 1"
).fetchall()
print(dict(rows))
"""
LARGEST = 900
"""MB"""
SECRETS = ROOT / "deploy" / "compose" / "secrets"


def sample(engine: Engine, volume: str, color: str, months: str, rows: int, *options: str) -> None:
    words = ("taxi-luigi", "sample", "--to", "data/sample", "--colors", color, "--months", months, "--rows", rows)
    engine.run(*words, options=("--volume", f"{volume}:/app/data", *options))


def in_warehouse(engine: Engine, volume: str, color: str = "green") -> str:
    options = ("--volume", f"{volume}:/app/data")
    return engine.run("python", "-c", COUNTS.format(color), options=options).out.strip()


def leftovers(engine: Engine, volume: str) -> str:
    return engine.run("sh", "-c", "find data -name '*.part'", options=("--volume", f"{volume}:/app/data")).out


@pytest.mark.parametrize(
    "narrower",
    [
        (),
        ("--user", "1234:1234", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    ],
    ids=["as it is", "another user, nothing to write but data and /tmp"],
)
def test_it_loads_months_without_any_server(engine: Engine, volume: str, narrower: tuple[str, ...]) -> None:
    sample(engine, volume, "green", "2021-01..2021-02", 3_000, *narrower)
    options = ("--volume", f"{volume}:/app/data", *QUICKSTART, *narrower)
    assert "2 months loaded (6,000 rows)" in engine.run(*LOAD, options=options).out
    assert in_warehouse(engine, volume) == "{'2021-01': 3000, '2021-02': 3000}"
    assert "0 months loaded, 2 already there" in engine.run(*LOAD, options=options).out


def test_it_runs_as_an_ordinary_user(engine: Engine) -> None:
    assert engine.run("sh", "-c", "id -u; id -g; touch /app/x 2>&1; echo $HOME").out.splitlines() == [
        "10001", "10001", "touch: cannot touch '/app/x': Permission denied", "/home/taxi",
    ]  # fmt: skip


def test_every_command_of_ours_is_there(engine: Engine, volume: str) -> None:
    options = ("--volume", f"{volume}:/app/data", *QUICKSTART)
    assert engine.run().out.startswith("usage: taxi-luigi")
    assert "nothing is loaded" in engine.run("taxi-luigi", "loaded", options=options).out
    assert engine.run("cron-run", "--", "Idle", options=options).out == ""
    assert "ended: exit code 0" in engine.run("sh", "-c", "cat data/logs/cron-*.log", options=options).out
    wrong = engine.run("LoadAllMonth", check=False)
    assert wrong.rc == 40
    assert "LoadAllMonths" in wrong.out


def test_a_secret_file_is_a_variable_of_its_name(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "POSTGRES_URL").write_text("postgresql://a:$b 'c@d\n")
    (tmp_path / "not-a-variable").write_text("x")
    tmp_path.chmod(0o755)
    got = engine.run("sh", "-c", 'printf "%s" "$POSTGRES_URL"', options=("--volume", f"{tmp_path}:/run/secrets:ro"))
    assert got.out == "postgresql://a:$b 'c@d"


@pytest.mark.parametrize("after", ["", "Downloaded yellow", "Cleaned yellow"])
def test_sigterm_to_process_1_ends_a_run_and_the_next_one_finishes_it(engine: Engine, volume: str, after: str) -> None:
    """At once, also before Python is there to hear of it; and when a line says that the next task begins."""
    sample(engine, volume, "yellow", "2021-01", 1_000_000)
    options = ("--volume", f"{volume}:/app/data", *QUICKSTART)
    load = ("LoadAllMonths", "--colors", "yellow", "--months", "2021-01")
    running = engine.start(*load, "--log-level", "DEBUG", options=options)

    @wait_for(after)
    def _() -> bool:
        return after in engine.call("logs", running).out

    engine.call("kill", "--signal", "TERM", running)
    code, wrote = engine.end(running)
    assert code == 143, wrote
    assert "Traceback" not in wrote
    assert leftovers(engine, volume) == ""
    assert "1 month loaded (1,000,000 rows)" in engine.run(*load, options=options).out
    assert in_warehouse(engine, volume, "yellow") == "{'2021-01': 1000000}"


def test_process_1_collects_the_dead(engine: Engine) -> None:
    """An orphan that has ended is a zombie until process 1 asks for it."""
    running = engine.start("sh", "-c", "sleep 600")
    engine.call("exec", running, "sh", "-c", "(sleep 0.2 &)")
    states = "cat /proc/[0-9]*/stat | sed 's/.*) //; s/ .*//' | sort | uniq -c"

    @wait_for("the orphan to be gone")
    def _() -> bool:
        return "sleep 0.2" not in engine.call("exec", running, "sh", "-c", "cat /proc/*/cmdline | tr '\\0' ' '").out

    seen = engine.call("exec", running, "sh", "-c", states).out
    engine.call("rm", "--force", "--time", "0", running)
    assert re.search(r"\bS\b", seen)
    assert not re.search(r"\bZ\b", seen), seen


def test_luigid_is_healthy_and_listens_to_its_own_container_alone(engine: Engine) -> None:
    running = engine.start("luigid", "--port", "9000")

    @wait_for("luigid to be healthy")
    def _() -> bool:
        return engine.call("exec", running, "/app/deploy/image/healthcheck", check=False).rc == 0

    listening = engine.call("exec", running, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6").out
    ask = (
        "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9000/api/taxi_luigi_settings').read().decode())"
    )
    settings = engine.call("exec", running, "python", "-c", ask).out
    engine.call("kill", "--signal", "TERM", running)
    code, _ = engine.end(running)
    addresses = re.findall(r"^\s*\d+: (\w+:\w+) 0+:0000 0A", listening, re.M)
    assert addresses == [f"0100007F:{9000:04X}"]
    assert '"worker_disconnect_delay": "15.0"' in settings, "those of config/luigi.cfg"
    assert code in (0, 143)


def test_a_run_is_healthy_while_it_can_write(engine: Engine, tmp_path: Path) -> None:
    check = "/app/deploy/image/healthcheck"
    assert engine.run("sh", "-c", check).out == ""
    tmp_path.chmod(0o755)
    wrong = engine.run("sh", "-c", check, options=("--volume", f"{tmp_path}:/app/data:ro"), check=False)
    assert wrong.rc == 1
    assert wrong.out.splitlines()[-1] == "/app/data cannot be written by user 10001, or is full"


def test_it_has_its_labels(engine: Engine) -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    image = engine.inspect()
    config = image["Config"]
    assert config["Labels"]["org.opencontainers.image.version"] == setup["metadata"]["version"]
    assert config["Labels"]["org.opencontainers.image.title"] == "taxi_luigi"
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["tini", "-s", "--", "/app/deploy/image/entrypoint"]
    assert list(config["Volumes"]) == ["/app/data"]
    assert "healthcheck" in json.dumps(image["Healthcheck"] if "Healthcheck" in image else config["Healthcheck"])
    assert image["Size"] <= LARGEST * 1_000_000


def test_it_has_the_pinned_versions(engine: Engine) -> None:
    code = (
        "from importlib.metadata import distributions as d; print(*{f'{i.name}=={i.version}' for i in d()}, sep='\\n')"
    )
    there = {re.sub(r"[-_.]+", "-", line).lower() for line in engine.run("python", "-c", code).out.split()}
    pins = {re.sub(r"[-_.]+", "-", line).lower() for line in (ROOT / "constraints.txt").read_text().split()}
    unpinned = {
        line for line in there - pins if not line.startswith(("taxi-luigi==", "pip==", "setuptools==", "wheel=="))
    }
    assert unpinned == set()
    assert len(there) > 40


def test_no_layer_has_a_secret_or_a_file_that_is_not_the_programs(engine: Engine, tmp_path: Path) -> None:
    """Every file of every layer, also of those that a later layer hides; and the history with its arguments."""
    secrets = [path.read_text().strip().encode() for path in SECRETS.iterdir() if path.name != ".gitignore"]
    assert secrets, "deploy/compose/make-secrets makes some, before the image is built"
    archive = tmp_path / "image.tar"
    engine.call("save", "--output", archive, engine.image)
    names = set()
    with tarfile.open(archive) as image:
        for member in image:
            data = image.extractfile(member)
            if data is None or not member.name.endswith(".tar"):
                assert data is None or not any(secret in data.read() for secret in secrets), member.name
                continue
            with tarfile.open(fileobj=io.BufferedReader(data)) as layer:
                for file in layer:
                    names.add(file.name.removeprefix("./"))
                    if file.isfile() and file.name.removeprefix("./").startswith(("app/", "etc/", "home/", "run/")):
                        content = layer.extractfile(file)
                        assert content is not None
                        text = content.read() if file.size < 1_000_000 else b""
                        assert not any(secret in text for secret in secrets), file.name
                        assert not text or not file.name.endswith("pip.conf"), "how a builder reaches its packages"
    archive.unlink()
    ours = {name for name in names if name.startswith("app/") and not name.startswith("app/.venv")}
    kinds = {"/".join(name.split("/")[:2]) for name in ours}
    assert kinds <= {f"app/{part}" for part in ("config", "data", "deploy", "luigi.cfg", "scripts", "taxi_luigi")}
    assert {name for name in ours if name.startswith("app/deploy/compose/")} == {
        "app/deploy/compose/gcs.cfg",
        "app/deploy/compose/postgres.cfg",
    }
    assert not [name for name in names if re.search(r"(^|/)\.(git|env)(/|$)|^app/data/.", name)]
