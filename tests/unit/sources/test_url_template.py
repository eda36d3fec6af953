"""Templates of [taxi] source: what is taken, what is refused and how it is said."""

from pathlib import Path

import pytest

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources import parse_template
from taxi_luigi.tlc.months import Month

JANUARY = Month(2024, 1)
NAME = "{color}_tripdata_{year}-{month:02}.parquet"


@pytest.mark.parametrize(
    ("template", "address", "name"),
    [
        (
            f"https://d37ci6vzurychx.cloudfront.net/trip-data/{NAME}",
            "https://d37ci6vzurychx.cloudfront.net/trip-data/green_tripdata_2024-01.parquet",
            "green_tripdata_2024-01.parquet",
        ),
        (
            "https://host/download/{color}/{color}_tripdata_{year}-{month:02}.csv.gz",
            "https://host/download/green/green_tripdata_2024-01.csv.gz",
            "green_tripdata_2024-01.csv.gz",
        ),
        (f"/data/my trips/{NAME}", "/data/my trips/green_tripdata_2024-01.parquet", "green_tripdata_2024-01.parquet"),
        (f"trips/{NAME}", "trips/green_tripdata_2024-01.parquet", "green_tripdata_2024-01.parquet"),
        ("file:///my%20trips/{year}{month:02d}.csv", "/my trips/202401.csv", "202401.csv"),
        ("file://localhost/t/a%23b{year}-{month}.csv", "/t/a#b2024-1.csv", "a#b2024-1.csv"),
        ("/t/{{{color}}}_{year:>5}_{month:>02}.csv", "/t/{green}_ 2024_01.csv", "{green}_ 2024_01.csv"),
        ("http://[::1]:81/my%20{year}-{month:02}.csv?k={color}#x", None, "my 2024-01.csv"),
    ],
)
def test_a_month_has_an_address_and_a_file_name(template: str, address: str | None, name: str) -> None:
    parsed = parse_template(template)
    assert parsed.file_name("green", JANUARY) == name
    if address is not None:
        assert parsed.address("green", JANUARY) == address


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("", "is empty"),
        (" /data/{year}-{month}.csv", "has spaces around it"),
        ("/data/{colour}_{year}-{month}.csv", "unknown field {colour}; the fields are {color}, {year} and {month}"),
        ("/data/{}_{year}-{month}.csv", "unknown field {}"),
        ("/data/{year.real}-{month}.csv", "unknown field {year.real}"),
        ("/data/{color}_{month:02}.csv", "has no {year}"),
        ("/data/{color}_{year}.csv", "has no {month}"),
        ("/data/{{year}}-{month}.csv", "has no {year}"),
        ("/data/{year}-{month:zz}.csv", "bad format"),
        ("/data/{year}-{month:0{color}}.csv", "has a field within its format"),
        ("/data/{color:02d}-{year}-{month}.csv", "bad format"),
        ("/data/{year}-{month:99999999}.csv", "{month:99999999} has a width or precision of 100 or more"),
        ("/data/{year:>9999999}-{month}.csv", "{year:>9999999} has a width or precision of 100 or more"),
        ("/data/{year:.999999999f}-{month}.csv", "has a width or precision of 100 or more"),
        ("/data/{color:_>99999999999999}/{year}-{month}.csv", "has a width or precision of 100 or more"),
        ("/data/{year}-{month:²99999999999}.csv", "has a width or precision of 100 or more"),
        ("/data/{year}-{month:" + "9" * 10_000 + "}.csv", "has a width or precision of 100 or more"),
        ("/data/{year:>99}{year:>99}-{month}.csv", "a file's name has at most 200 bytes"),
        ("/data/{year}-{month}" + "ü" * 100 + ".csv", "a file's name has at most 200 bytes"),
        ("https://host/" + "{color:>99}/" * 50 + "{year}-{month}.csv", "an address has at most 4,000 characters"),
        ("/data/{year}-{month:c}.csv", "is not a file name"),
        ("https://host/{year}-{month}%0A.csv", "has a character that is not printable"),
        ("https://ho\nst/{year}-{month}.csv", "has a character that is not printable"),
        ("/data/\x1b[31m/{year}-{month}.csv", "has a character that is not printable"),
        ("/data/\udcff/{year}-{month}.csv", "has a character that is not printable"),
        ("/data/{month:c}/{year}-{month}.csv", "has a character that is not printable"),
        ("/data/{color:.1}_{year}-{month}.csv", "record types share an address"),
        ("/data/{year}-{month.csv", "brace"),
        ("/data/{year}-{month:02}/trips.csv", "months share the file name 'trips.csv'"),
        ("/data/{year}/{month:02}.csv", "months share the file name '01.csv'; it must hold {year} and {month}"),
        ("https://host/get?file={year}-{month:02}.csv", "months share the file name 'get'"),
        ("https://host/a%2F{year}-{month:02}.csv", "is not a file name"),
        ("https://host/{year}/{month}/", "is not a file name"),
        ("s3://bucket/{year}-{month:02}.csv", "s3:// is not supported"),
        ("ftp://host/{year}-{month:02}.csv", "ftp:// is not supported"),
        ("file://nas/trips/{year}-{month:02}.csv", "begins with file:///"),
        ("https:///{year}-{month:02}.csv", "has no host"),
        ("https://user@/{year}-{month:02}.csv", "has no host"),
    ],
)
def test_a_bad_template_is_one_line(template: str, says: str) -> None:
    with pytest.raises(ConfigError) as failure:
        parse_template(template)
    text = str(failure.value)
    assert says in text
    assert text.startswith("[taxi] source")
    assert text.isprintable()


def test_no_message_shows_a_password() -> None:
    with pytest.raises(ConfigError) as failure:
        parse_template("https://me:hush@host/{yaer}-{month}.csv?sig=hush")
    assert "hush" not in str(failure.value)
    assert "https://***@host/{yaer}-{month}.csv?***" in str(failure.value)


@pytest.mark.parametrize("sign", ["/", "?", "#"])
def test_a_password_that_ends_the_host_is_not_shown(sign: str) -> None:
    with pytest.raises(ConfigError, match="the port in its URL is not a number") as failure:
        parse_template(f"https://me:hu{sign}sh@host/{{year}}-{{month}}.csv")
    assert "hu" not in str(failure.value).replace("number", "")


@pytest.mark.parametrize("host", ["host", "host:81", "me:pw@host:81", "[::1]", "[::1]:81", "me@[::1]"])
def test_hosts_that_are_fine(host: str) -> None:
    assert parse_template(f"https://{host}/{{year}}-{{month}}.csv").is_web


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://host/a.parquet", "https://host/a.parquet"),
        ("https://me:p@ss@host:81/a.parquet", "https://***@host:81/a.parquet"),
        ("http://host/a.parquet?X-Amz-Signature=hush&b=?", "http://host/a.parquet?***"),
        ("http://host/a.parquet#hush", "http://host/a.parquet?***"),
        ("/data/what?.parquet", "/data/what?.parquet"),
    ],
)
def test_a_public_url_has_no_secret(address: str, public: str) -> None:
    assert public_url(address) == public


@pytest.mark.parametrize(
    ("template", "root"),
    [
        ("/data/trips/{color}/{year}-{month}.csv", "/data/trips"),
        ("/data/trips-{color}/{year}-{month}.csv", "/data"),
        ("/{year}-{month}.csv", "/"),
        ("{year}-{month}.csv", "."),
        ("file:///my%20trips/{year}-{month}.csv", "/my trips"),
        ("/data/{{x}}/{year}-{month}.csv", "/data/{x}"),
    ],
)
def test_the_root_is_what_has_no_field(template: str, root: str) -> None:
    assert parse_template(template).root == Path(root)
