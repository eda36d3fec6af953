"""What an address of a server looks like, in a setting that names one. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_server(url: str) -> bool:
    """Whether it is a URL of http or https with a host, and with a port that is one if it has any."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url == url.strip()
    except ValueError:
        return False
