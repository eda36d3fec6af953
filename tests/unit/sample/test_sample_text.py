"""A made-up csv reads like the real one: header bytes, line ends, fields, quotes, and the shape of every value."""

import csv
import gzip
import re
from collections import Counter
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.sample.csv_text import hundredths, long, short
from taxi_luigi.sample.layouts import Form, csv_layout
from taxi_luigi.tlc.months import Month

ROWS = 1_000
NOT_TLCS = "2020-04"
"""The samples of this month are somebody's export from parquet, not a csv that TLC or the mirror published."""


def _month(path: Path) -> tuple[str, Month]:
    color, month = path.name.split("_tripdata_")
    return color, Month.parse(month[:7])


def _form(path: Path) -> Form:
    return "csv.gz" if path.name.endswith(".gz") else "csv"


def _real(tlc_data: Path) -> list[Path]:
    files = [*(tlc_data / "samples").glob("*.csv"), *(tlc_data / "whole").glob("*.csv*")]
    found = sorted(file for file in files if NOT_TLCS not in file.name)
    assert len(found) >= 50
    return found


def _read(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()


def _rows(data: bytes) -> list[bytes]:
    """The lines that hold values, without their ends."""
    lines = (line.rstrip(b"\r") for line in data.split(b"\n")[1:])
    return [line for line in lines if line]


def _spread(data: bytes) -> list[bytes]:
    """Some thousand of the rows."""
    rows = _rows(data)
    return rows[:: len(rows) // 1_500 + 1]


@cache
def _made(folder: Path, color: str, month: Month, form: Form) -> bytes:
    return _read(write_month(folder, color, month, ROWS, seed=3, form=form))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


def test_headers_and_line_ends_are_those_of_the_untouched_heads(tlc_data: Path, folder: Path) -> None:
    heads = sorted((tlc_data / "heads").glob("*.csv"))
    assert len(heads) >= 9
    for path in heads:
        real, made = path.read_bytes(), _made(folder, *_month(path), "csv")
        ends = [re.findall(rb"\r?\n", data)[:4] for data in (real, made)]
        assert made.split(b"\n", 2)[0] == real.split(b"\n", 2)[0], path.name
        assert (made.split(b"\n", 2)[1] == b"\r") == (real.split(b"\n", 2)[1] == b"\r"), path.name
        assert ends[0] == ends[1], path.name


def test_the_mirrors_lines_end_as_they_do_there(tlc_data: Path, folder: Path) -> None:
    for path in sorted((tlc_data / "whole").glob("*.csv.gz")):
        made = _made(folder, *_month(path), "csv.gz")
        assert made.split(b"\n")[0] == _read(path).split(b"\n")[0], path.name
        assert made.count(b"\r\n") == made.count(b"\n") == ROWS + 1


def test_headers_and_fields_are_those_of_the_real_months(tlc_data: Path, folder: Path) -> None:
    for path in _real(tlc_data):
        real, made = _read(path), _made(folder, *_month(path), _form(path))
        assert made.split(b"\n")[0].rstrip(b"\r") == real.split(b"\n")[0].rstrip(b"\r"), path.name
        fields = [Counter(row.count(b",") for row in _rows(data)) for data in (real, made)]
        assert set(fields[0]) == set(fields[1]), path.name
        assert len(_rows(made)) == ROWS


def _quoted(data: bytes) -> list[bool | None]:
    """By column: whether every value is in quotes, none is, or (None) some are."""
    columns = zip(*(row.split(b",") for row in _spread(data)), strict=True)
    found = [{value.startswith(b'"') for value in column} for column in columns]
    return [quoted.pop() if len(quoted) == 1 else None for quoted in found]


def test_values_are_quoted_where_the_real_ones_are(tlc_data: Path, folder: Path) -> None:
    everything = set()
    for path in _real(tlc_data):
        real, made = (_quoted(data) for data in (_read(path), _made(folder, *_month(path), _form(path))))
        assert made == real, path.name
        everything |= set(real)
    assert everything == {True, False}


def _shape(value: str) -> str:
    """`-12.5` → `-d.d`, `2.6299999999999999` → `d.ddd`, `CASH` → `A`: fractions by length, all else by kind."""
    value = re.sub("[a-z]+", "a", re.sub("[A-Z]+", "A", value))
    return re.sub(r"\.?\d+", _digits, value)


def _digits(run: re.Match[str]) -> str:
    return f".{'d' * min(len(run[0]) - 1, 3)}" if run[0].startswith(".") else "d"


def _columns(data: bytes) -> list[Counter[str]]:
    values = csv.reader(row.decode() for row in _spread(data))
    return [Counter(_shape(value) for value in column) for column in zip(*values, strict=True)]


def test_values_have_the_shapes_of_the_real_ones(tlc_data: Path, folder: Path) -> None:
    """What a real column often holds is in the made-up one, and the other way around; the months of an era together."""
    eras: dict[tuple[str, str], list[Path]] = {}
    for path in _real(tlc_data):
        # But for blanks and for the empty fields behind them, some eras are as the one before.
        names = csv_layout(*_month(path), _form(path)).header.replace(" ", "")
        eras.setdefault((_month(path)[0], names), []).append(path)
    for (color, _), paths in eras.items():
        real = _together([_columns(_read(path)) for path in paths])
        made = _together([_columns(_made(folder, *_month(path), _form(path))) for path in paths])
        for place, (known, found) in enumerate(zip(real, made, strict=True)):
            assert _often(known, 0.1) <= set(found), (paths, place, known, found)
            # fhv's samples are of the first few bases: what those leave empty says nothing of the others.
            if color != "fhv" or not found[""]:
                assert _often(found, 0.02) <= set(known), (paths, place, known, found)


def _together(files: list[list[Counter[str]]]) -> list[Counter[str]]:
    return [sum(columns, Counter()) for columns in zip_longest(*files, fillvalue=Counter())]


def _often(shapes: Counter[str], share: float) -> set[str]:
    return {shape for shape, count in shapes.items() if count > share * shapes.total()}


def test_a_double_is_written_with_17_digits_and_an_exponent_below_a_tenth() -> None:
    numbers = {2.63: "2.6299999999999999", 8.9: "8.9000000000000004", 12.1: "12.1", 0.5: "0.5", 0.0: "0", 18.0: "18"}
    small = {0.04: "4.0000000000000001E-2", 0.00094: "9.3999999999999997E-4", -0.016577: "-1.6577000000000001E-2"}
    for number, text in (numbers | small).items():
        assert long(number) == text


def test_later_numbers_are_short_and_distances_have_two_places() -> None:
    assert [short(number) for number in (0.0, 0.5, 12.0, 9.95, -4.3, 57.83)] == [
        "0",
        "0.5",
        "12",
        "9.95",
        "-4.3",
        "57.83",
    ]
    assert [hundredths(number) for number in (0.0, 0.5, 1.1, 20.12)] == [".00", ".50", "1.10", "20.12"]


def test_two_months_of_2010_have_rows_with_too_many_commas(tmp_path: Path) -> None:
    for month, spoiled in ((Month(2010, 1), 0), (Month(2010, 2), 1), (Month(2010, 3), 1), (Month(2010, 4), 0)):
        data = write_month(tmp_path, "yellow", month, 25_000, form="csv").read_bytes()
        fields = Counter(row.count(b",") + 1 for row in _rows(data))
        assert fields == Counter({18: 25_000 - spoiled, 19: spoiled}), month


def test_the_mirrors_fhv_of_2020_has_a_line_break_in_quotes_and_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    data = _read(write_month(tmp_path, "fhv", Month(2020, 3), 1_000, form="csv.gz"))
    rows = list(csv.reader(data.decode("utf-8", "replace").splitlines(keepends=True)))
    assert [len(row) for row in rows] == [7] * 1_001
    assert [row[6] for row in rows if "\n" in row[6] or "\ufffd" in row[6]] == ["B00013\n", "B000\ufffd"]


def test_the_base_of_2018_is_in_the_column_beside_its_own(tmp_path: Path) -> None:
    data = write_month(tmp_path, "fhv", Month(2018, 5), 500, form="csv").read_bytes().decode()
    rows = list(csv.DictReader(data.splitlines()))
    assert {row["Dispatching_base_num"] for row in rows} == {""}
    assert all(re.fullmatch(r"[Bb]\d{5} *", row["Dispatching_base_number"]) for row in rows)


def test_the_mirrors_2019_has_zones_with_a_point(tmp_path: Path) -> None:
    own, mirrored = (
        {row.split(b",")[4] for row in _rows(_read(write_month(tmp_path, "fhv", Month(2019, 3), 500, form=form)))}
        for form in ("csv", "csv.gz")
    )
    assert {zone + b".0" * bool(zone) for zone in own} == mirrored
