"""`taxi-luigi verify`: every month counted again in every place."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any

from taxi_luigi.cli.output import DIFFERENT, FAILED, add_json, add_selection, complain, print_json, selection

if TYPE_CHECKING:
    from taxi_luigi.inventory.verify import VerifiedMonth


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Count every month again, and show where raw = clean + rejected, clean = lakes = warehouses does not hold, "
        "which raw files are not what was downloaded, and which months of TLC's have other rows than it published; "
        f"exit code {DIFFERENT} when counts disagree, {FAILED} when a store cannot be listed."
    )
    add_selection(parser, "all that are held anywhere")
    parser.add_argument(
        "--published",
        action="store_true",
        help="other rows than TLC published are a difference, too, whatever the source",
    )
    add_json(parser)
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from taxi_luigi.inventory import Inventory
    from taxi_luigi.inventory.verify import held_months, verified_months
    from taxi_luigi.reports import verify_text

    today = date.today()
    colors, selected = selection(arguments, today)
    inventory = Inventory.ask(colors, counted=True)
    for line in inventory.errors:
        complain(line)
    if arguments.colors is None:
        colors = tuple(color for color in colors if held_months(inventory, color, today)) or colors
    widest = max(map(len, colors))
    months: list[VerifiedMonth] = []
    for month in verified_months(inventory, colors, selected, today, arguments.published):
        if not arguments.json:
            if not months:
                print(verify_text.heading(month, widest))
            print(verify_text.text(month, widest), flush=True)
        months.append(month)
    if arguments.json:
        print_json({"months": [_document(month) for month in months]}, inventory.errors)
    else:
        print(verify_text.closing(months, all_listed=not inventory.errors))
    if any(month.differences for month in months):
        return DIFFERENT
    return FAILED if inventory.errors else 0


def _document(verified: VerifiedMonth) -> dict[str, Any]:
    counts = verified.counts
    places = {count.place: count for count in (counts.raw, counts.clean, counts.rejected)}
    places |= {f"lake {count.place}": count for count in counts.lakes}
    places |= {f"warehouse {count.place}": count for count in counts.warehouses}
    return {
        "color": verified.color,
        "month": str(verified.month),
        "published": counts.published,
        "records": counts.records,
        "unlike_published": counts.unlike_published,
        "places": {
            key: {
                "rows": count.rows,
                "recorded": count.recorded,
                "listed": count.known,
                "refused": count.refused,
                "error": count.error or None,
            }
            for key, count in places.items()
        },
        "differences": list(verified.differences),
    }
