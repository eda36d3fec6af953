"""A real SMTP server with one mailbox, which can ask for a password or refuse a recipient."""

from __future__ import annotations

import socket
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "taxi-robot", "sesame-4711"


class Mailbox:
    """Takes mail on 127.0.0.1 while it is open. With `locked`, only from USER with PASSWORD."""

    def __init__(self, locked: bool = False, refuses: str = "") -> None:
        self._refuses = refuses
        self._received: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._server = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ready_timeout=30,
            auth_required=locked,
            auth_require_tls=False,
            authenticator=_authenticate if locked else None,
        )

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(data, _class=EmailMessage, policy=policy.default) for data in self._received]

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    async def handle_RCPT(  # noqa: N802 aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self._refuses:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self._received.append(envelope.content)
        return "250 OK"


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False)  # else aiosmtpd leaves the answer to us
