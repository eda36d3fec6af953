"""What is a secret by its form or because it is known, and what is none."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from taxi_luigi.core import redaction
from taxi_luigi.core.redaction import redact, secrets_of, value

SECRET = "hushSecret1"
BASIC = base64.b64encode(f"robot:{SECRET}".encode()).decode()
KEY = json.dumps(
    {"type": "service_account", "private_key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"}
)
AZURE = base64.b64encode(bytes(range(64))).decode()
AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

SHOWN = {
    f"https://me:{SECRET}@host:81/a.csv": "https://***@host:81/a.csv",
    f"https://{SECRET}@host/a.csv": "https://***@host/a.csv",
    f"htps://me:{SECRET}@host/a.csv": "htps://***@host/a.csv",
    f" HTTPS://me:{SECRET}@host/a.csv": " HTTPS://***@host/a.csv",
    f"https:/me:{SECRET}@host/a.csv": "https:/***@host/a.csv",
    f"https:me:{SECRET}@host/a.csv": "***@host/a.csv",
    f"ftp://me:{SECRET}@host: refused": "ftp://***@host: refused",
    f"/srv/me:{SECRET}@host/a.csv": "/srv/***@host/a.csv",
    f"'me:{SECRET}@host'": "'***@host'",
    f"https://me:a@{SECRET}@host/a": "https://***@host/a",
    f"https://me:a/{SECRET}@host/a": "https://***@host/a",
    f"https://me:12/{SECRET}@host/a": "https://***@host/a",
    "https://host:81/a@b.parquet": "https://***@b.parquet",
    f"https://me:a#{SECRET}@host/a": "https://***@host/a",
    f"https://me:a?{SECRET}@host/a": "https://***@host/a",
    f"https://me:a {SECRET}@host/a is wrong": "https://***@host/a is wrong",
    f"https://me:{{a}}{SECRET}%zz@host/{{year}}.csv": "https://***@host/{year}.csv",
    f"https://me:{SECRET}": "https://me:***",
    f"https://host/a?sig={SECRET}&b: 403": "https://host/a?***: 403",
    f"(https://host/a#{SECRET})": "(https://host/a?***)",
    f"json://h/{{}}?x={SECRET}, slack://a:{SECRET}@b/c": "json://h/{}?***, slack://***@b/c",
    f"Authorization: Basic {BASIC}": "Authorization: Basic ***",
    f"'authorization': 'bearer {SECRET}1234'": "'authorization': 'bearer ***'",
    f"host=db password={SECRET} user=me": "host=db password=*** user=me",
    f"AccountName=me;AccountKey={SECRET}==;x=y": "AccountName=me;AccountKey=***;x=y",
    f'{{"a": 1}} and {KEY}': '{"a": 1} and ***',
    f'{{"color": "green"}} and {{"a": "{SECRET}"}}': '{"color": "green"} and ***',
    '{"auth": "green"}, {"a": {"b": 1}': "***",
    f"cannot open {KEY[:60]}": "cannot open ***",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}": "***",
    f"region {AWS}": "region ***",
    f"the key {AZURE}, not": "the key ***, not",
    f"?sv=2026&sp=rl&sig={SECRET}%3D of it": "?sv=2026&sp=rl&sig=*** of it",
    f"AKIAIOSFODNN7EXAMPLE:{SECRET}": "***",
}

NONE = [
    "https://host/a:1@b.parquet",
    "https://host/{color}_{year}-{month:02}.parquet",
    "https://[::1]:81/a",
    "https://***@host/a.csv?***: 404",
    "postgresql://taxi@localhost:5432/db",
    "gs://bucket/data/green/green_tripdata_2021-01.parquet",
    "https://console.cloud.google.com/bigquery?project=p&j=job",
    "http://127.0.0.1:8082: Connection refused",
    "/data/what?.parquet",
    "write it as http://USER:PASSWORD@HOST:PORT, or https://HOST:PORT, without",
    "must look like https://HOST:PORT, not you@example.com",
    "cannot be read as postgresql://USER:PASSWORD@HOST:PORT/DATABASE; write",
    "mailto:you@example.com, you@example.com",
    "CleanMonth(color=green, month=2021-01)",
    'RangeMonthly(of_params={"color": "green", "month": "2021-01", "n": 3}) failed: why',
    "basic understanding of a token, as it was",
    "password = ${PASSWORD}",
    "[smtp] password cannot be read: the environment variable SMTP_PASSWORD is not set",
    "check user and password in [core] scheduler_url",
    "columns are {'a': 1, 'b': 2}",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4 of /tmp/aaaa/Bbbb1/cccc/ddddddddddddddddddddddd",
]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


@pytest.mark.parametrize("text", SHOWN)
def test_what_has_the_form_of_a_secret_is_masked_once_and_for_all(text: str) -> None:
    assert redact(text) == SHOWN[text]
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("text", ["x", "a-", "eyJ-", '{"a": 1} '], ids=repr)
def test_a_long_text_takes_no_time_by_its_square(text: str) -> None:
    """A page of a server or a Base64 text: of 4,000 letters some took 5 s, and these would take hours."""
    assert value(text * 60_000)


def test_a_deep_text_is_masked_as_any_other() -> None:
    assert redact('{"a": ' * 5_000 + f'"{SECRET}"') == "***"


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("secret", [SECRET, 'hush "1"', "hush/1+ö", "hush%401", "hu'sh1\\"])
def test_what_is_known_is_masked_in_every_coding(secret: str) -> None:
    redaction.remember([secret])
    forms = [secret, secret.upper(), json.dumps(secret), repr(secret), redaction.quote(secret, safe="")]
    forms += [base64.b64encode((b"x" * before) + secret.encode() + b"yz").decode() for before in range(3)]
    for form in forms:
        assert secret not in redact(f"a {form} b")
        assert redact(f"a {form} b").startswith("a ")
        assert redact(f"a {form} b").endswith(" b")
        assert form not in redact(f"a {form} b")


def test_a_short_word_is_not_masked_in_every_line_but_in_the_words_of_its_server() -> None:
    redaction.remember(["postgres", "taxi", "a1"])
    assert redact("warehouse postgres: taxi a1") == "warehouse postgres: taxi a1"
    assert redact("bad user taxi", "http://me:taxi@host/") == "bad user ***"


def test_the_secrets_of_an_address_are_password_query_and_header() -> None:
    assert secrets_of("https://robot:p%40w@host/a?t=tok&u=a") >= {"p%40w", "p@w", "tok"}
    assert BASIC in secrets_of(f"http://robot:{SECRET}@host/")
    assert secrets_of("https://host:81/a") == set()
    assert secrets_of("postgresql://taxi@host/db?sslmode=require&password=hush") == {"hush"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"me:{SECRET} {SECRET}@host/a", "***@host/a"),
        (f"htps://me:a {SECRET}@b {SECRET}@host/a", "htps://***@host/a"),
        (f"host/a.csv?sig={SECRET} {SECRET}", "host/a.csv?***"),
        (f"host=db password = {SECRET} {SECRET}", "host=db password = ***"),
        (KEY, "***"),
        (base64.b64encode(KEY.encode()).decode(), "***"),
        ("{color}_{year}-{month}.csv", "{color}_{year}-{month}.csv"),
        ("${URL}", "${URL}"),
    ],
)
def test_a_whole_value_is_masked_to_its_end(text: str, shown: str) -> None:
    assert value(text) == shown
