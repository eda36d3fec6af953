"""Connections to a PostgreSQL server by libpq's own rules, and its failures in one line without the password.

The URL is read by libpq itself; what it leaves out comes from PG* variables, the service file and .pgpass, as in psql.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg2
from psycopg2 import extensions

from taxi_luigi.errors import ConfigError, WarehouseError
from taxi_luigi.warehouses.ddl import sql

Cursor = extensions.cursor

_DRIVER = "postgresql+psycopg2://"
"""how SQLAlchemy writes what libpq calls postgresql://"""

_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",  # ms
    "application_name": "taxi_luigi",
}
"""A server that vanished is noticed in a minute, not in the quarter of an hour that TCP takes."""

_ADVICE = {
    "3F000": "create it or set another schema in [warehouse.{name}]",
    "42501": "grant this user what it lacks: USAGE and CREATE on the schema, and ownership of the tables",
    "53100": "free space on the server's disk, then run the same command again; nothing was loaded",
    "42P07": "rename or drop it: taxi_luigi makes its tables itself",
}
"""SQLSTATE → what to do"""


class Server:
    """The PostgreSQL database behind `url`, called `name` in luigi.cfg; every transaction has its own connection."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._options = _parse(name, url)

    @property
    def address(self) -> str:
        """Where the database is, for people: no password, and nothing that libpq has not yet looked up."""
        if not self._options:
            return "PostgreSQL at libpq's defaults"
        known = {key: str(self._options.get(key, "")) for key in ("user", "host", "port", "dbname")}
        user, port = known["user"] and known["user"] + "@", known["port"] and ":" + known["port"]
        return f"postgresql://{user}{known['host']}{port}/{known['dbname']}"

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """A cursor in a transaction, committed at the end of the block and gone if the block fails."""
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                # a limit that the server sets for its users' queries would end a long COPY
                cursor.execute("SET LOCAL statement_timeout = 0")
                yield cursor
                connection.commit()
        except psycopg2.Error as error:
            raise self._failure(error) from error
        finally:
            connection.close()  # without a commit: rolls back

    def _connect(self) -> extensions.connection:
        try:
            connection: extensions.connection = psycopg2.connect(**(_PATIENCE | self._options))
        except psycopg2.Error as error:
            text = self._said(error)
            todo = f"start the server, or correct [warehouse.{self.name}] url, the PG* variables or .pgpass"
        else:
            return connection
        # outside the except block, so that no traceback shows libpq's own words
        raise WarehouseError(f"warehouse {self.name} ({self.address}): {text}; {todo}")

    def _failure(self, error: psycopg2.Error) -> WarehouseError:
        todo = _ADVICE.get(error.pgcode or "")
        if todo is None and (error.pgcode is None or error.pgcode.startswith(("08", "57"))):
            todo = "run the same command again once the server is back; nothing was loaded"
        advice = f"; {todo.format(name=self.name)}" if todo else ""
        return WarehouseError(f"warehouse {self.name} ({self.address}): {self._said(error)}{advice}")

    def _said(self, error: psycopg2.Error) -> str:
        """What the server or libpq said, in one line; libpq indents its guesses at the reason, which are left out."""
        lines = (error.diag.message_primary or str(error)).splitlines()
        text = " ".join(line.strip() for line in lines if line.strip() and not line.startswith(("\t", "LINE ")))
        for secret in (self._options.get("password"), self._options.get("sslpassword")):
            for spelling in (secret, quote(secret, safe="")) if secret else ():
                text = text.replace(spelling, "***")
        return text


def run(cursor: Cursor, text: str, *values: object, **names: tuple[str, ...]) -> None:
    """Executes a statement with its `{names}` quoted and its values bound; see `ddl.sql`."""
    if values:  # then psycopg2 takes a percent sign in a name for a placeholder too
        names = {key: tuple(part.replace("%", "%%") for part in name) for key, name in names.items()}
    cursor.execute(sql(text, **names), values or None)


def _parse(name: str, url: str) -> dict[str, Any]:
    """The URL as libpq reads it; a ConfigError shows no part of it, as any part may be the password."""
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
