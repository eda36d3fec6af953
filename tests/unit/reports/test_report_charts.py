"""The charts as they stand in the page: SVG without a size, an id or a color of its own, and with words."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from taxi_luigi.reports.html import charts

MONTHS = [f"{year}-{month:02}" for year in (2023, 2024) for month in range(1, 13)]
NOTHING = np.full(24, np.nan)
TRIPS = np.where(np.arange(24) < 20, 1_000.0 + np.arange(24), np.nan)


def both(drawn: str) -> list[ElementTree.Element]:
    """The wide one and the narrow one, parsed."""
    root = ElementTree.fromstring(f"<both>{drawn}</both>")
    assert [svg.get("class") for svg in root] == ["wide", "narrow"]
    return list(root)


def words_of(svg: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in svg.iter("text")]


@pytest.fixture(scope="module")
def trips() -> str:
    return charts.trips(MONTHS, TRIPS, np.where(np.isnan(TRIPS), 900.0, np.nan), 'green: "trips" & more')


def test_a_chart_has_a_description_of_what_it_shows(trips: str) -> None:
    for svg in both(trips):
        assert svg.get("aria-label") == svg.findtext("title") == 'green: "trips" & more'
        assert svg.get("role") == "img"


def test_the_highest_month_is_named_beside_the_years(trips: str) -> None:
    for svg in both(trips):
        assert "1.02k in 2024-08" in words_of(svg)
        assert {"2023", "2024"} <= set(words_of(svg))


def test_months_that_are_published_alone_are_a_dashed_line(trips: str) -> None:
    for svg in both(trips):
        assert [path for path in svg.iter("path") if "dasharray" in path.get("style", "")]
    held = charts.trips(MONTHS, TRIPS, NOTHING, "all held")
    assert "dasharray" not in held


def test_a_chart_takes_colors_size_and_letters_from_the_page(trips: str) -> None:
    assert not re.search(r'#[0-9a-f]{6}| (?:id|xmlns)="|font-family|<style|<metadata', trips)
    assert not re.search(r'<svg[^>]* (?:width|height)="', trips)
    assert "var(--accent)" in trips


def test_the_pointer_shows_each_months_values_on_a_wide_page(trips: str) -> None:
    wide, narrow = both(trips)
    fields = [each for group in wide.iter("g") if group.get("class") == "hover" for each in group]
    assert [each.findtext("title") for each in (fields[0], fields[-1])] == [
        "2023-01: 1,000 trips",
        "2024-12: 900 trips published, not here",
    ]
    places = [float(each.get("x", "")) for each in fields]
    assert places == sorted(places)
    last = fields[-1]
    assert float(last.get("x", "")) + float(last.get("width", "")) == pytest.approx(charts.WIDTHS["wide"], abs=0.1)
    assert "hover" not in ElementTree.tostring(narrow, "unicode")
    rows = [
        charts.Strip("raw", "", TRIPS, 1_020, word=lambda value: f"{value:.0f} B"),
        charts.Strip("no", "", NOTHING, 0),
    ]
    strips = both(charts.strips(MONTHS, rows, 20, "sizes"))[0]
    assert [each.text for each in strips.iter("title")][1] == "2023-01\nraw: 1000 B"


def test_text_of_tlc_is_shown_as_it_is() -> None:
    label = "$x^2$ <b> & 12.3456"
    row = charts.Strip(label, "peak 12.3456", TRIPS, 1_020)
    for svg in both(charts.strips(MONTHS, [row], 20, "strange")):
        assert label in words_of(svg)
        assert "peak 12.3456" in words_of(svg)


def test_a_long_label_gives_way_to_its_note() -> None:
    row = charts.Strip("a_column_with_a_name_that_fills_the_page_of_a_phone", "peak 3,000 in 2024-01", TRIPS, 1_020)
    narrow = both(charts.strips(MONTHS, [row], 20, "long"))[1]
    label, note = words_of(narrow)[-2:]
    assert label.endswith("…")
    assert len(label) + len(note) < 56


def test_nothing_at_all_can_be_drawn() -> None:
    both(charts.trips(MONTHS[:1], NOTHING[:1], NOTHING[:1], "nothing"))
    both(charts.strips(MONTHS, [charts.Strip("none", "", NOTHING, 0)], 20, "nothing"))
