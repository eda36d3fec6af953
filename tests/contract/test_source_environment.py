"""Proxies and certificates of the environment that are wrong: the line names the variable, and no password."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path

import pytest

from taxi_luigi.core.errors import SourceError
from taxi_luigi.sources import Published, SingleFile
from tests.support.https import certificate, self_signed
from tests.support.publisher import COLOR, MONTH, Client, net
from tests.support.raw_server import raw_server

HTTP, HTTPS = "http://nobody.invalid", "https://nobody.invalid"
FILE = "/{color}_{year}-{month:02}.parquet"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *VARIABLES,
        *map(str.upper, VARIABLES),
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ):
        monkeypatch.delenv(name, raising=False)


def said(source: str, tmp_path: Path) -> str:
    """The line of a download, which must fail; a look and the zones say the same."""
    client = Client(source + FILE, tmp_path / "arriving", attempts=2)
    look = client.source.look(COLOR, MONTH)
    assert look.published is Published.UNKNOWN
    with pytest.raises(SourceError) as failed:
        client.fetch()
    line = str(failed.value)
    assert line.isprintable()
    assert line == look.why
    with pytest.raises(SourceError) as failed:
        SingleFile(f"{source}/zones.csv", net(attempts=2), "[taxi] zones", 1000).fetch(tmp_path / "zones")
    assert line.partition(".parquet")[2] == str(failed.value).partition(".csv")[2].replace("zones", "source")
    assert "hush" not in line + "".join(traceback.format_exception(failed.value))
    return line


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("missing", "there is no such file"),
        ("below a file", "there is no such file"),
        ("folder", "the folder is empty"),
        ("empty", "holds no certificates in PEM format"),
        ("garbage", "holds no certificates in PEM format"),
    ],
)
def test_a_file_of_certificates_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, what: str
) -> None:
    path = tmp_path / "ca.pem"
    match kind:
        case "folder":
            path.mkdir()
        case "empty" | "garbage" | "below a file":
            path.write_bytes(b"\xff\xfe garbage" * (kind == "garbage"))
    if kind == "below a file":
        path /= "ca.pem"
    monkeypatch.setenv(name, str(path))
    (tmp_path / "server").mkdir()
    with self_signed(tmp_path / "server") as (address, server):
        assert f": {name} = {path}: {what}; name a file of trusted certificates, or unset it" in said(address, tmp_path)
        assert server.asked == 0


def test_it_matters_only_where_certificates_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem")
    assert "the host's name does not resolve" in said(HTTP, tmp_path)


def test_a_redirect_to_https_names_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem")

    def reply(_: bytes) -> Iterable[bytes]:
        return [b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/x\r\nConnection: close\r\n\r\n"]

    with raw_server(reply) as server:
        assert "REQUESTS_CA_BUNDLE = /nonexistent/ca.pem: there is no such file" in said(
            f"http://{server.address}", tmp_path
        )


def test_a_certificate_that_is_not_trusted_names_what_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with self_signed(tmp_path) as (address, _):
        assert "its certificate is not trusted: self-signed certificate (REQUESTS_CA_BUNDLE names" in said(
            address, tmp_path
        )
        monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
        assert "(SSL_CERT_FILE = /nonexistent/ca.pem is not read for downloads; REQUESTS_CA_BUNDLE names" in said(
            address, tmp_path
        )
        (tmp_path / "other").mkdir()
        other = certificate(tmp_path / "other")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        assert f"(by REQUESTS_CA_BUNDLE = {other})" in said(address, tmp_path)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "self-signed.pem"))
        client = Client(address + FILE, tmp_path / "arriving")
        assert "not published (HTTP 404)" in client.failure()


@pytest.mark.parametrize("source", [HTTP, HTTPS])
@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("htp:/x", "htp:/x"),
        ("htp://me:hush@proxy:1", "htp://***@proxy:1"),
        ("me:hush@proxy:1", "***@proxy:1"),
        ("http://me:hu/sh@proxy:1", "http://***@proxy:1"),
        ("http://[::1", "http://[::1"),
        ("http://proxy:port", "http://proxy:***"),
        ("http://127.0.0.1:99999", "http://127.0.0.1:99999"),
        ("http://", "http://"),
        (":::", ":::"),
        ("/", "/"),
        (" ", " "),
        ("\u2028\x07", "??"),
    ],
)
def test_a_proxy_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, proxy: str, shown: str
) -> None:
    name = source.partition(":")[0] + "_proxy"
    monkeypatch.setenv(name, proxy)
    assert f": {name} = {shown}: is not the address of a proxy; write it as http://HOST:PORT" in said(source, tmp_path)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5"])
def test_a_socks_proxy_is_an_error_that_names_the_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
) -> None:
    """The tests' environment is as a user's: PySocks is none of our requirements."""
    monkeypatch.setenv(name, f"{scheme}://me:hush@127.0.0.1:9")
    line = said(HTTP, tmp_path)
    assert f": {name} = {scheme}://***@127.0.0.1:9: SOCKS needs the package PySocks; run pip install PySocks" in line
    assert "[taxi]" not in line


@pytest.mark.parametrize("source", [HTTP, HTTPS])
def test_a_proxy_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://me:hush@127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "[::1,²/8,1.2.3.4/99,10.0.0.0/²,,*.example")
    assert "the last: connection refused, through ALL_PROXY = http://***@127.0.0.1:1;" in said(source, tmp_path)
    monkeypatch.setenv("ALL_PROXY", "http://nowhere.invalid:3128")
    assert "does not resolve, through ALL_PROXY = http://nowhere.invalid:3128;" in said(source, tmp_path)


@pytest.mark.parametrize("source", [HTTP, HTTPS])
def test_a_proxy_that_requires_a_password_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    head = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nConnection: close\r\n\r\n"
    with raw_server(lambda _: [head]) as server:
        monkeypatch.setenv("ALL_PROXY", f"http://me:hush@{server.address}")
        line = said(source, tmp_path)
        assert f": ALL_PROXY = http://***@{server.address}: requires a user and a password" in line


@pytest.mark.parametrize("source", [HTTP, HTTPS])
@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>Log in</html>",
        b"",
    ],
)
def test_what_is_no_proxy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, head: bytes) -> None:
    with raw_server(lambda _: [head]) as server:
        monkeypatch.setenv("ALL_PROXY", f"http://{server.address}")
        client = Client(source + FILE, tmp_path / "arriving", attempts=2)
        for line in (client.source.look(COLOR, MONTH).why, client.failure()):
            assert f"through ALL_PROXY = http://{server.address}" in line


def test_what_a_web_server_in_the_place_of_a_proxy_calls_missing_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(lambda _: [b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"]) as server:
        monkeypatch.setenv("http_proxy", f"http://{server.address}")
        look = Client(HTTP + FILE, tmp_path / "arriving").source.look(COLOR, MONTH)
        assert look.published is Published.NO
        assert look.why.endswith(f": not published (HTTP 404), through http_proxy = http://{server.address}")
