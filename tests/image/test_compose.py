"""compose.yaml, up: who reaches luigid and how, loads into its PostgreSQL and its bucket, and the nightly run."""

from __future__ import annotations

import requests

from tests.image.engine import Compose, wait_for

COUNTS = "SELECT to_char(file_month, 'YYYY-MM'), count(*) FROM green_tripdata GROUP BY 1 ORDER BY 1"
ANSWER = "socket.create_connection(('luigid', 8082), 3)"


def ask(compose: Compose, path: str, password: str | None = None, **headers: str) -> int:
    auth = ("taxi", password) if password else None
    return requests.get(f"http://127.0.0.1:{compose.port}{path}", auth=auth, headers=headers, timeout=10).status_code


def load(compose: Compose, months: str, **variables: str) -> str:
    words = ("taxi-luigi", "sample", "--to", "data/sample", "--colors", "green", "--months", months, "--rows", "3000")
    compose.run(*words)
    return compose.run("LoadAllMonths", "--colors", "green", "--months", months, **variables).out


def in_postgres(compose: Compose) -> list[str]:
    psql = f'PGPASSWORD=$(cat /run/secrets/POSTGRES_PASSWORD) psql -h 127.0.0.1 -U taxi -d taxi -Atc "{COUNTS}"'
    return compose.call("exec", "-T", "postgres", "sh", "-c", psql).out.split()


def test_the_page_requires_name_and_password(compose: Compose) -> None:
    page, api, password = "/static/visualiser/index.html", "/api/task_list?data={}", compose.secret("LUIGID_PASSWORD")
    assert [ask(compose, path) for path in (page, api)] == [401, 401]
    assert [ask(compose, path, "wrong") for path in (page, api)] == [401, 401]
    assert [ask(compose, path, password) for path in (page, api)] == [200, 200]


def test_no_other_sites_page_may_use_what_a_browser_remembers(compose: Compose) -> None:
    api, password = "/api/pause?data={}", compose.secret("LUIGID_PASSWORD")
    assert ask(compose, api, password, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert ask(compose, "/api/is_paused?data={}", password, **{"Sec-Fetch-Site": "same-origin"}) == 200


def test_luigid_is_reached_through_the_proxy_alone(compose: Compose) -> None:
    tried = compose.run("python", "-c", f"import socket; {ANSWER}", check=False)
    assert "Name or service not known" in tried.out or "Temporary failure in name resolution" in tried.out
    devices = compose.call("exec", "-T", "luigid", "cat", "/proc/net/dev").out.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]


def test_a_load_goes_into_postgres_and_its_passwords_nowhere_else(compose: Compose) -> None:
    out = load(compose, "2021-01..2021-02")
    assert "2 months loaded (6,000 rows)" in out
    assert in_postgres(compose) == ["2021-01|3000", "2021-02|3000"]
    passwords = [compose.secret("LUIGID_PASSWORD"), compose.secret("POSTGRES_PASSWORD")]
    assert not [password for password in passwords if password in compose.call("logs").out + out]
    compose.call("restart", "--timeout", "5", "luigid")  # it writes down what it knows when it ends
    for service in ("nightly", "luigid"):
        holding = ("exec", "-T", service, "grep", "-rlF", "-e")
        assert compose.call(*holding, "LoadMonth", "data").out, "this search finds what is there"
        assert [compose.call(*holding, password, "data", check=False).out for password in passwords] == ["", ""]


def test_luigid_comes_back_where_it_was(compose: Compose) -> None:
    compose.call("restart", "--timeout", "5", "luigid")
    password = compose.secret("LUIGID_PASSWORD")

    @wait_for("luigid to answer again, through the proxy")
    def _() -> bool:
        return ask(compose, "/static/visualiser/index.html", password) == 200

    state = compose.call("exec", "-T", "luigid", "ls", "data/luigid").out
    assert state.split() == ["state.pickle"]


def test_snooze_becomes_the_nightly_run(compose: Compose) -> None:
    load(compose, "2021-01")
    soon = ("snooze", "-H", "*", "-M", "*", "-S", "*")
    months = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    compose.run(*soon, "cron-run", "--", *months, service="nightly")
    logs = compose.call("exec", "-T", "nightly", "sh", "-c", "cat data/logs/cron-*.log").out
    assert "begins: LoadAllMonths --colors green --months 2021-01 --refresh" in logs
    assert "ended: exit code 0" in logs


def test_the_nightly_run_waits_for_its_hour(compose: Compose) -> None:
    waits = compose.call("exec", "-T", "nightly", "cat", "/proc/1/cmdline").out.split("\0")
    command = waits[waits.index("snooze") : -1]
    assert command == ["snooze", "-H", "6", "-M", "0", "cron-run"]
    due = compose.call("exec", "-T", "nightly", "snooze", "-n", *command[1:-1]).out.splitlines()
    assert len(due) == 5
    assert all("T06:00:00+0000" in line for line in due)


def test_the_fake_bucket_is_a_lake(compose: Compose) -> None:
    assert "1 month loaded (3,000 rows)" in load(compose, "2021-03", TAXI_LAYER="gcs")
    # As the bucket itself lists it: the real image has no shell to look into.
    code = "import requests; print(requests.get('http://gcs:4443/storage/v1/b/taxi/o', timeout=9).text)"
    assert "data/green/green_tripdata_2021-03.parquet" in compose.run("python", "-c", code).out
    assert "2021-03|3000" in in_postgres(compose)
