"""Connections to a PostgreSQL server by libpq's own rules, and its errors in one line without the password.

libpq parses the URL; what the URL omits comes from PG* variables, the service file and .pgpass, as in psql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions

from taxi_luigi.core.concurrency import warn_if_slow
from taxi_luigi.core.errors import RUN_AGAIN, ConfigError, WarehouseError
from taxi_luigi.core.redaction import redact, without
from taxi_luigi.warehouses.ddl import sql

Cursor = extensions.cursor

_DRIVER = "postgresql+psycopg2://"
"""how SQLAlchemy writes what libpq calls postgresql://"""

_CONNECT = 10
"""seconds for each address of the server's name, of which localhost has two"""

_TIMEOUTS = {
    "connect_timeout": str(_CONNECT),
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",  # ms
    "application_name": "taxi_luigi",
}
"""Detect a server that is gone within a minute, not within the 15 minutes of TCP's defaults."""

_CLIENT_ENCODING = {"client_encoding": "UTF8"}
"""Overrides the URL, PGCLIENTENCODING, the service file and the role's default: texts are sent in UTF-8, and the server
converts them to the database's encoding. Under LATIN1 it stored the two bytes of é as two characters, with no error."""

_ADVICE = {
    "22P05": "the database's encoding, {encoding}, cannot hold it: make one with ENCODING 'UTF8' TEMPLATE template0 "
    "and set it in [warehouse.{name}] url; nothing was loaded",
    "25006": "this database is read-only: set the primary server in [warehouse.{name}] url if this one is a standby, "
    "else switch default_transaction_read_only off for the database and this user; nothing was loaded",
    "3F000": "create it or set another schema in [warehouse.{name}]",
    "42501": "grant this user what it lacks: USAGE and CREATE on the schema, and ownership of the tables",
    "42710": "rename or drop it: taxi_luigi makes its tables itself",
    "42P07": "rename or drop it: taxi_luigi makes its tables itself",
    "53100": f"free space on the server's disk, then {RUN_AGAIN}; nothing was loaded",
    "53200": f"give the server more memory or fewer connections, then {RUN_AGAIN}; nothing was loaded",
    "53400": f"raise that limit for this user, then {RUN_AGAIN}; nothing was loaded",
    "55P03": f"{RUN_AGAIN} once the table is not locked; nothing was loaded",
    "57014": f"a limit or a user cancelled it on the server: lift the limit for this user, or {RUN_AGAIN}; nothing was "
    "loaded",
}
"""SQLSTATE → what to do"""

_MESSAGES = {
    "byte sequence .*: 0x00": "PostgreSQL has no character 0 in its texts: take it out of the file, or load into "
    "another warehouse; nothing was loaded",
    "byte sequence": "the database holds a name or text that is not UTF-8: rename what has it, or set another "
    "database in the url",
    "conversion between": "make a database with ENCODING 'UTF8' TEMPLATE template0, and set it in the url",
    "too many|connection slots": f"{RUN_AGAIN} with fewer --workers or when fewer clients are connected, or raise it",
    "starting up|shutting down|recovery mode|not yet accepting": f"{RUN_AGAIN} once the server is up",
    r"(session|transaction|idle|query)\w*[ _]timeout": "the server's limit of that name ended the connection: lift it "
    f"for this user, or {RUN_AGAIN}; nothing was loaded",
    "administrator command": f"the server was stopped, or a user ended this connection: {RUN_AGAIN} once the server is "
    "back; nothing was loaded",
}
"""Message of the server → what to do, where no SQLSTATE arrives or its SQLSTATE has several causes"""

_UNLIMITED = """
    SELECT set_config(name, '0', true)
    FROM unnest(ARRAY['statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout']) AS name
    WHERE current_setting(name, true) IS NOT NULL
"""
"""Limits that a server sets for its users' queries would end a long COPY; transaction_timeout is of PostgreSQL 17."""


class Server:
    """The PostgreSQL database behind `url`, called `name` in luigi.cfg; every transaction has its own connection."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._options = _parse(name, url)

    @property
    def address(self) -> str:
        """The address of the database for messages: no password, and nothing that libpq has not yet looked up."""
        if not self._options:
            return "PostgreSQL at libpq's defaults"
        known = {key: str(self._options.get(key, "")) for key in ("user", "host", "port", "dbname")}
        user, port = known["user"] and known["user"] + "@", known["port"] and ":" + known["port"]
        return f"postgresql://{user}{known['host']}{port}/{known['dbname']}"

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Open a cursor in a transaction, committed at the end of the block, rolled back if the block fails."""
        connection = self._connect()
        # At a stricter level, a loader that waited for another one would not see what that one wrote
        connection.set_session(isolation_level="READ COMMITTED")
        try:
            with connection.cursor() as cursor:
                cursor.execute(_UNLIMITED)
                yield cursor
                connection.commit()
        except psycopg2.Error as error:
            raise self._failure(error, connection) from error
        finally:
            connection.close()  # without a commit: rolls back

    def _connect(self) -> extensions.connection:
        try:
            with warn_if_slow(f"warehouse {self.name} ({self.address})", _CONNECT):
                connection: extensions.connection = psycopg2.connect(**(_TIMEOUTS | self._options | _CLIENT_ENCODING))
        except psycopg2.Error as error:
            text = self._one_line(error.diag.message_primary or str(error))
            todo = _advice_on_message(text) or (
                f"start the server, or correct [warehouse.{self.name}] url, the PG* variables or .pgpass"
            )
        else:
            return connection
        # outside the except block, so that no traceback shows libpq's own message
        raise WarehouseError(f"warehouse {self.name} ({self.address}): {text}; {todo}")

    def _failure(self, error: psycopg2.Error, connection: extensions.connection) -> WarehouseError:
        text = self._one_line(error.diag.message_primary or _last_message(connection) or str(error))
        todo = _ADVICE.get(error.pgcode or "") or _advice_on_message(text)
        if not todo and (error.pgcode is None or error.pgcode.startswith(("08", "57"))):
            todo = f"{RUN_AGAIN} once the server is back; nothing was loaded"
        encoding = connection.info.parameter_status("server_encoding") if not connection.closed else ""
        advice = f"; {todo.format(name=self.name, encoding=encoding)}" if todo else ""
        return WarehouseError(f"warehouse {self.name} ({self.address}): {text}{advice}")

    def _one_line(self, text: str) -> str:
        """Return a message of the server or libpq in one line, without libpq's indented guesses at the reason."""
        lines = text.splitlines()
        text = " ".join(line.strip() for line in lines if line.strip() and not line.startswith(("\t", "LINE ")))
        return redact(without(text, filter(None, map(self._options.get, ("password", "sslpassword")))))


def _last_message(connection: extensions.connection) -> str:
    """Return the message with which the server ended the connection; '' if there is none.

    psycopg2 2.9 raises libpq's next error instead, `server closed the connection unexpectedly` or `invalid socket`.
    """
    message = re.search(r"^[^\W\d]+:  (?P<text>.+)$", connection.info.error_message or "", re.MULTILINE)
    return message["text"] if message and connection.closed else ""


def _advice_on_message(text: str) -> str:
    return next((todo for pattern, todo in _MESSAGES.items() if re.search(pattern, text)), "")


def run(cursor: Cursor, text: str, *values: object, select: str = "", **names: tuple[str, ...]) -> None:
    """Execute a statement with its `{names}` quoted and its values bound.

    Args:
        cursor: executes the statement.
        text: the statement, with `{name}` for each identifier and `%s` for each value.
        values: the values to bind, in order.
        select: the text for `{select}`, inserted unquoted.
        names: the identifiers, as for `ddl.sql`.
    """
    if values:  # then psycopg2 takes a percent sign in a name for a placeholder too
        names = {key: tuple(part.replace("%", "%%") for part in name) for key, name in names.items()}
    cursor.execute(sql(text, select, **names), values or None)


def _parse(name: str, url: str) -> dict[str, Any]:
    """Parse the URL as libpq does.

    Raises:
        ConfigError: the URL is invalid. The message shows no part of it, as any part may be the password.
    """
    if url.startswith(_DRIVER):
        url = url.replace(_DRIVER, "postgresql://", 1)
    try:
        options = extensions.parse_dsn(url)
    except psycopg2.Error:
        options = {"port": "unreadable"}
    # an unescaped @ or / in the password pushes a part of it into host, port or database, which errors would show
    misread = any("@" in options.get(key, "") for key in ("host", "dbname"))
    if misread or not options.get("port", "0").replace(",", "").isdigit():
        raise ConfigError(
            f"[warehouse.{name}] url cannot be read as postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a user or "
            "password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25"
        )
    return options
