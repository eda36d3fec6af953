"""Servers whose certificate nobody has vouched for: they signed it themselves."""

from __future__ import annotations

import datetime
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = "127.0.0.1"


class Server(ThreadingHTTPServer):
    """Counts what gets through to it: a client that looks at certificates asks nothing."""

    asked = 0

    def handle_error(self, *_: object) -> None:
        """Clients that leave during the handshake are what it is for."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def self_signed(folder: Path) -> Iterator[tuple[str, Server]]:
    """`https://127.0.0.1:PORT` and the server, for the block; key and certificate lie in the folder, as PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder))
    with Server((HERE, 0), _Handler) as server:
        # The handshake in the thread of its connection: one that a client breaks off holds up nobody
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"https://{HERE}:{server.server_address[1]}", server
        server.shutdown()


@contextmanager
def self_signed_postgres(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """HOST:PORT of what begins as a PostgreSQL server does that encrypts, and what it is told after the handshake.

    It stands for a real one as far as the handshake: the server of the wheel was built without TLS (18.6).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder))
    told: list[bytes] = []

    class Begins(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)  # SSLRequest
            self.request.sendall(b"S")
            with suppress(OSError), context.wrap_socket(self.request, server_side=True) as encrypted:
                told.append(encrypted.recv(1000))

    with socketserver.ThreadingTCPServer((HERE, 0), Begins) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"{HERE}:{server.server_address[1]}", told
        server.shutdown()


def certificate(folder: Path) -> Path:
    """A file with a new key and its certificate for 127.0.0.1, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HERE)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HERE))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-signed.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path
