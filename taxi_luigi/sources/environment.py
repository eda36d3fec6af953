"""Environment variables for proxies and trusted certificates, so that messages can name the variable to correct.

requests reads these variables itself; this module examines them only after a failure.
"""

from __future__ import annotations

import importlib.util
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3.util import parse_url

from taxi_luigi.core import redaction

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""in the order in which requests 2.34 takes them"""
_NOT_READ = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL's own, which requests 2.34 does not read"""
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_LONGEST = 200
"""characters of a variable's value that a line shows"""


def proxy_of(url: str) -> str:
    """Return `http_proxy = http://***@proxy:3128` when requests for `url` use that proxy, else ''."""
    found = _proxy(url)
    return f"{found[0]} = {_shown(found[1])}" if found else ""


def proxy_fault(url: str) -> str:
    """Return what is wrong with the proxy for `url` and what to do; '' when nothing can be seen."""
    found = _proxy(url)
    if found is None:
        return ""
    variable = f"{found[0]} = {_shown(found[1])}"
    try:
        parsed = parse_url(prepend_scheme_if_needed(found[1], "http"))  # type: ignore[no-untyped-call]
        scheme, host = (parsed.scheme or "").lower(), parsed.host or ""
    except ValueError:
        scheme = host = ""
    if not host or scheme not in _SCHEMES:
        return f"{variable}: is not the address of a proxy; write it as http://HOST:PORT, or unset it"
    if scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        return f"{variable}: SOCKS needs the package PySocks; run pip install PySocks, or name an http:// proxy"
    return ""


def bundle_fault() -> str:
    """Return what is wrong with the file of trusted certificates in a variable; '' when it is readable or not set."""
    found = _bundle()
    if found is None:
        return ""
    name, path = found
    if Path(path).is_dir():
        what = "" if any(Path(path).iterdir()) else "the folder is empty"
    elif not Path(path).exists():
        what = "there is no such file"
    else:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
            what = ""
        except ssl.SSLError:
            what = "holds no certificates in PEM format"
        except OSError as error:
            what = (error.strerror or "cannot be read").lower()
    return f"{name} = {_shown(path)}: {what}; name a file of trusted certificates, or unset it" if what else ""


def trust() -> str:
    """Return which variable sets the trusted certificates, for the message about an untrusted one."""
    found = _bundle()
    if found is not None:
        return f"by {found[0]} = {_shown(found[1])}"
    unread = [
        f"{name} = {_shown(os.environ[name])} is not read for downloads" for name in _NOT_READ if name in os.environ
    ]
    return "; ".join([*unread, "REQUESTS_CA_BUNDLE names a file of trusted certificates"])


def _bundle() -> tuple[str, str] | None:
    return next(((name, os.environ[name]) for name in _BUNDLES if os.environ.get(name)), None)


def _proxy(url: str) -> tuple[str, str] | None:
    try:
        scheme, proxies = urlsplit(url).scheme.lower(), get_environ_proxies(url)
        proxy = select_proxy(url, proxies)
    except ValueError:  # the URL is what is wrong
        return None
    if not proxy:
        return None
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next(((name, proxy) for name in names if os.environ.get(name) == proxy), ("the system's proxy", proxy))


def _shown(value: str) -> str:
    """Return a variable's value in one line, without user and password."""
    shown = redaction.typed("".join(letter if letter.isprintable() else "?" for letter in value))
    return shown[:_LONGEST] + "…" * (len(shown) > _LONGEST)
