"""`taxi-luigi show`: the account of one month, from the receipt in its clean file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from taxi_luigi.cli.output import FAILED, add_json, complain, make_console, print_json
from taxi_luigi.core.errors import StorageError, TaxiError, UsageError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.units import plural, size
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.months import Month

if TYPE_CHECKING:
    from taxi_luigi.core.receipts import CleanReceipt
    from taxi_luigi.inventory import Cell, Status

_WIDE = 200
"""columns of a table in a file or a pipe"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "The account of one month: where it came from, what each rule counted, took out and changed, which columns "
        "were missing or not known, and where it is held. Reads the end of a clean file. "
        f"Exit code {FAILED} when nothing is held of the month, or a place cannot be listed."
    )
    parser.add_argument("color", metavar="COLOR", help="yellow, green, fhv or fhvhv")
    parser.add_argument("month", metavar="MONTH", help="as 2024-01")
    add_json(parser)
    parser.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> int:
    colors = ColorsParameter().parse(arguments.color)
    try:
        month = Month.parse(arguments.month)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if len(colors) != 1:
        raise UsageError(f"one record type at a time, not {arguments.color}")
    (color,) = colors
    errors: list[str] = []
    status = _status(color, errors)
    cell = status.colors[0].cells.get(month)
    held = cell is not None and bool(cell.held)
    held_in, receipt = _receipt(color, month, cell, errors)
    absent = [] if held else [f"nothing is held of {color} {month}"]
    errors += [*status.errors, *absent]
    if arguments.json:
        print_json(_account(color, month, status, held_in, receipt), errors)
    elif cell is not None and held:
        _print(color, month, cell, receipt)
    for line in errors:
        complain(line)
    return FAILED if status.errors or absent else 0


def _status(color: str, errors: list[str]) -> Status:
    from taxi_luigi import config, history
    from taxi_luigi.inventory import status

    try:
        withdrawn = history.withdrawn(config.settings().state)
    except StorageError as error:
        errors.append(str(failure_line(error)))
        withdrawn = {}
    return status((color,), date.today(), withdrawn)


def _receipt(color: str, month: Month, cell: Cell | None, errors: list[str]) -> tuple[str | None, CleanReceipt | None]:
    """Return the first place whose clean file has a receipt of the month, and that receipt; (None, None): none.

    A line for each file that cannot be read is added to `errors`.
    """
    from taxi_luigi import config

    lakes = {"clean": config.clean_lake()}
    lakes |= {f"lake {name}": config.lake(name) for name in config.settings().lakes if name != "local"}
    for place, lake in lakes.items():
        if cell is None or place not in cell.held:
            continue
        try:
            receipt = lake.footer(color, month).receipt
        except FileNotFoundError:
            continue
        except TaxiError as error:
            errors.append(str(failure_line(error)))
            continue
        if receipt is not None and (receipt.color, receipt.month) == (color, str(month)):
            return place, receipt
    return None, None


def _account(
    color: str, month: Month, status: Status, held_in: str | None, receipt: CleanReceipt | None
) -> dict[str, Any]:
    """Return the object of --json."""
    from taxi_luigi.reports.status_json import account

    of_month = account(status, [])["colors"][color]["months"].get(str(month), {})
    keys = ("state", "stale", "withdrawn", "refused", "failure", "places")
    return {
        "color": color,
        "month": str(month),
        **{key: of_month.get(key) for key in keys},
        "receipt": receipt and json.loads(receipt.to_json()),
        "held_in": held_in,
    }


def _print(color: str, month: Month, cell: Cell, receipt: CleanReceipt | None) -> None:
    if receipt is None:
        print(f"{color} {month}: {cell.state.value}; no clean file with a receipt is held")
    else:
        kept = f"{receipt.rows_kept:,} kept, {receipt.rows_rejected:,} rejected"
        print(f"{color} {month}: {plural(receipt.rows_in, 'record')}, {kept}; {cell.state.value}")
        seen = receipt.raw.last_modified or "no date"
        print(f"source   {receipt.raw.url} ({receipt.raw_format}, {size(receipt.raw.bytes)}, {seen})")
        versions = ", ".join(f"{name} {version}" for name, version in receipt.versions.items())
        print(f"edition  {receipt.edition} ({versions}; downloaded {receipt.raw.downloaded_at})")
        for encoding in dict.fromkeys(receipt.encodings.values()):
            times = [name for name, chosen in receipt.encodings.items() if chosen == encoding]
            print(f"encoded  {', '.join(times)}: {encoding}")
    if cell.stale:
        print(f"stale    {cell.stale.value} since it was cleaned")
    if cell.refused:
        print(f"refused  {cell.refused}")
    if cell.failure:
        print(f"failed   {cell.failure}")
    if cell.withdrawn:
        print(f"gone     from the source, noticed {cell.withdrawn}")
    _table(("place", "rows", "size", "edition", "loaded at (UTC)"), _places(cell), right=("rows", "size"))
    if receipt is None:
        return
    names = dict.fromkeys((*receipt.rules, *receipt.changed, *receipt.rejected))
    counts = ((name, receipt.rules.get(name), receipt.rejected.get(name), receipt.changed.get(name)) for name in names)
    _table(
        ("rule or reason", "applies to", "rejected", "changed"),
        ((name, *("" if number is None else f"{number:,}" for number in numbers)) for name, *numbers in counts),
        right=("applies to", "rejected", "changed"),
    )
    _table(("column missing", "which"), receipt.missing.items())
    unknown = receipt.left_out.items()
    _table(("column not known", "type", "null"), ((name, at["type"], f"{at['nulls']:.0%}") for name, at in unknown))
    texts = (
        (name.partition(":")[2], text, f"{n:,}")
        for name, found in receipt.unmapped.items()
        for text, n in found.items()
    )
    _table(("column", "text not known", "rows"), texts, right=("rows",))
    _table(
        ("money", "dollars"), ((name, f"{dollars:,.2f}") for name, dollars in receipt.sums.items()), right=("dollars",)
    )
    for phrase in receipt.warnings:
        print(f"warning  {phrase}")
    if receipt.replaced:
        print(f"replaced {receipt.replaced['edition']} of {plural(receipt.replaced['records'], 'record')}")


def _places(cell: Cell) -> Iterable[tuple[str, ...]]:
    for name, held in cell.held.items():
        rows = "" if held.rows is None else f"{held.rows:,}"
        yield name, rows, "" if held.bytes is None else size(held.bytes), held.edition, held.loaded_at


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: tuple[str, ...] = ()) -> None:
    """Print a table; nothing when it has no rows."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    if table.row_count:
        print()
        make_console(highlight=False, width=None if sys.stdout.isatty() else _WIDE).print(table)
