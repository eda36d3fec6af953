"""`taxi-luigi verify` after a real run: silent when all is well, and the month and its exit code when it is not."""

from __future__ import annotations

import re
import shutil
from hashlib import sha256
from pathlib import Path

import duckdb
import psycopg2
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import ROWS, After
from tests.support.cdn import Cdn
from tests.support.project import Project, Run
from tests.support.s3 import S3Server

DIFFERENT, FAILED = 50, 40
MONTHS = ("2021-01", "2021-02")
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", ",".join(MONTHS))


@pytest.fixture
def loaded(loading: Project, after: After, samples: Path) -> Project:
    """A project with two green months, of whose trips a rule rejected some; no run is in its history."""
    loading.configure({"clean": {"reject": "negative_total"}})
    after(*COMMAND)
    shutil.rmtree(loading.state)
    loading.configure({"taxi": {"source": f"{samples}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"}})
    return loading


def verify(project: Project, *args: str, env: dict[str, str] | None = None) -> Run:
    done = project.command("taxi-luigi", "verify", *args, env=env)
    assert "Traceback" not in done.out
    return done


def lines(done: Run) -> list[str]:
    """The output with each month on one line: `green 2021-01 7 published · 7 raw · …`, and ` ≠ …; …` of differences."""
    places: list[str] = []
    found: list[str] = []
    for line in done.out.splitlines():
        words = line.split()
        if words[:2] == ["month", "published"]:
            places = words[1:]
        elif line.startswith("    ≠ "):
            found[-1] += ("; " if "≠" in found[-1] else " ≠ ") + " ".join(words[1:])
        elif line.startswith("    "):
            found[-1] += " " + " ".join(words)
        elif re.match(r"\w+ +\d{4}-\d\d  ", line):
            counts = [" ".join(pair) for pair in zip(words[2:], places, strict=True)]
            found.append(" ".join([*words[:2], " · ".join(counts)]))
        else:
            found.append(" ".join(words))
    return found


def rejects(project: Project, month: str) -> Path:
    return project.workspace / "rejected" / "green" / f"green_tripdata_{month}.parquet"


def raw(project: Project, month: str) -> Path:
    return project.workspace / "raw" / "green" / f"green_tripdata_{month}.parquet"


def raw_receipt(project: Project, month: str) -> Path:
    file = raw(project, month)
    return file.with_name(f"{file.name}.receipt.json")


def again(month: str) -> str:
    """The command that fetches a month anew."""
    return f"luigi --module taxi_luigi LoadAllMonths --colors green --months {month} --force"


def test_all_that_was_loaded_is_counted_again_and_agrees(loaded: Project) -> None:
    done = verify(loaded)
    assert done.rc == 0, done.out
    *months, last = lines(done)
    kept_in_all = 0
    for said, month, published in zip(months, MONTHS, ("76,518", "64,572"), strict=True):
        rejected = pq.read_metadata(rejects(loaded, month)).num_rows
        kept = ROWS - rejected
        counts = f"{ROWS:,} raw · {kept:,} clean · {rejected} rejected · {kept:,} duckdb"
        assert said == f"green {month} {published} published · {counts}"
        kept_in_all += kept
    assert last == f"2 months, {kept_in_all:,} rows: no difference"


def test_a_row_deleted_by_hand_names_its_month(loaded: Project) -> None:
    with duckdb.connect(str(loaded.warehouse)) as connection:
        connection.execute(
            "DELETE FROM green_tripdata WHERE rowid IN "
            "(SELECT rowid FROM green_tripdata WHERE file_month = '2021-02-01' LIMIT 1)"
        )
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, last = lines(done)
    assert "≠" not in january
    assert february.endswith("duckdb ≠ duckdb has 1 row fewer than clean")
    assert last.endswith(": 1 month differs: green 2021-02")
    assert verify(loaded, "--months", "2021-01").rc == 0, "of the colors that are not loaded it is not missing"
    assert verify(loaded, "--colors", "yellow").rc == 0


def test_a_whole_month_deleted_by_hand_is_found_by_its_marker_even_where_no_file_is_left(loaded: Project) -> None:
    with duckdb.connect(str(loaded.warehouse)) as connection:
        connection.execute("DELETE FROM green_tripdata WHERE file_month = '2021-02-01'")
    for folder in ("raw", "clean", "rejected"):
        shutil.rmtree(loaded.workspace / folder)
    loaded.configure({"taxi": {"lake": "", "keep_raw": "false", "keep_clean": "false"}})
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, _ = lines(done)
    assert "– raw · – clean · – rejected" in january
    assert "≠" not in january
    assert "rows fewer than its marker" in february


def test_a_file_missing_from_a_lake_names_its_month(loaded: Project, tmp_path: Path) -> None:
    shutil.copytree(loaded.workspace / "clean", tmp_path / "nas")
    loaded.configure({"taxi": {"lake": "local, nas"}, "lake.nas": {"type": "local", "path": tmp_path / "nas"}})
    assert verify(loaded).rc == 0
    (tmp_path / "nas" / "green" / "green_tripdata_2021-01.parquet").unlink()
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, _ = lines(done)
    assert "– nas" in january
    assert january.endswith("≠ nas lacks the month")
    assert "≠" not in february


def test_another_month_under_the_name_of_one_is_a_difference_though_the_counts_agree(loaded: Project) -> None:
    folder = loaded.workspace / "clean" / "green"
    shutil.copyfile(folder / "green_tripdata_2021-02.parquet", folder / "green_tripdata_2021-01.parquet")
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, _ = lines(done)
    assert "≠ clean: by its receipt it is green 2021-02" in january
    assert "≠" not in february


def test_damaged_files_are_named_and_the_other_months_counted(loaded: Project) -> None:
    cut = raw(loaded, "2021-01")
    cut.write_bytes(cut.read_bytes()[:-1000])
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, _ = lines(done)
    assert "? raw" in january
    assert f"≠ raw: {cut}: a parquet file cut short after" in january
    assert january.count("; fetch it again") == 1
    assert january.endswith(f"; fetch it again: {again('2021-01')}")
    assert "≠" not in february


def test_rejects_that_are_gone_or_of_another_run_are_a_difference(loaded: Project) -> None:
    many = pq.read_metadata(rejects(loaded, "2021-01")).num_rows
    rejects(loaded, "2021-01").unlink()
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    assert f"≠ raw has {many} rows more than clean + rejected" in lines(done)[0]
    assert f"rejected has {many} rows fewer than the receipt" in lines(done)[0]
    shutil.copy(raw(loaded, "2021-02"), rejects(loaded, "2021-01"))
    assert f"rejected has {ROWS - many:,} rows more than the receipt" in lines(verify(loaded))[0]


def test_a_lost_record_of_the_raw_file_is_a_difference_whatever_the_receipts_say(loaded: Project) -> None:
    trips = pq.read_table(raw(loaded, "2021-01"))
    pq.write_table(trips.slice(1), raw(loaded, "2021-01"))
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    assert "; raw has 1 row fewer than clean + rejected; raw has 1 row fewer than the receipt" in lines(done)[0]


def test_a_byte_of_the_raw_file_that_changed_is_a_difference_though_every_count_agrees(loaded: Project) -> None:
    """In the data pages: the footer, which the rows are counted by, is as it was, and so is the length."""
    published = raw(loaded, "2021-02").read_bytes()
    spoilt = bytes([*published[:1_000], published[1_000] ^ 1, *published[1_001:]])
    raw(loaded, "2021-02").write_bytes(spoilt)
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, last = lines(done)
    assert "≠" not in january
    found, expected = (sha256(each).hexdigest()[:12] for each in (spoilt, published))
    assert february.endswith(
        f"≠ raw: its bytes are not those that were downloaded (sha256 {found}…, {expected}… by its receipt); "
        f"fetch it again: {again('2021-02')}"
    )
    assert last.endswith(": 1 month differs: green 2021-02")
    mended = loaded.run(*again("2021-02").split()[3:])
    assert mended.rc == 0, mended.out
    assert verify(loaded).rc == 0


def test_a_raw_file_of_another_length_without_a_receipt_or_with_a_damaged_one_is_a_difference(loaded: Project) -> None:
    content = raw(loaded, "2021-01").read_bytes()
    raw(loaded, "2021-01").write_bytes(content[:4] + b"more" + content[4:])
    raw_receipt(loaded, "2021-02").unlink()
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, _ = lines(done)
    length = f"({len(content) + 4:,} bytes, {len(content):,} by its receipt)"
    assert f"its bytes are not those that were downloaded {length}; fetch it again: {again('2021-01')}" in january
    assert february.endswith(f"≠ raw: it has no receipt beside it; fetch it again: {again('2021-02')}")
    for damaged in ("", "{", "[]", '{"bytes": 1}'):
        raw_receipt(loaded, "2021-02").write_text(damaged)
        said = lines(verify(loaded, "--months", "2021-02"))[0]
        assert said.endswith(f"≠ raw: the receipt beside it is damaged; fetch it again: {again('2021-02')}"), damaged


def test_a_csv_is_held_against_its_receipt_too(project: Project, tmp_path: Path) -> None:
    published = write_month(tmp_path / "published", "green", Month(2021, 1), 500, form="csv")
    project.configure({"taxi": {"source": f"{tmp_path}/published/{{color}}_tripdata_{{year}}-{{month:02}}.csv"}})
    assert project.run("LoadAllMonths", "--colors", "green", "--months", "2021-01").rc == 0
    assert verify(project).rc == 0
    kept = project.workspace / "raw" / "green" / published.name
    kept.write_bytes(kept.read_bytes().replace(b"N", b"Y", 1))
    done = verify(project)
    assert done.rc == DIFFERENT, done.out
    assert "≠ raw: its bytes are not those that were downloaded (sha256 " in lines(done)[0]


def test_a_raw_file_that_was_downloaded_after_the_month_was_cleaned_is_another_file(
    loaded: Project, tmp_path: Path
) -> None:
    """As many rows, and its own receipt: only the clean month's receipt tells that it was made from another file."""
    published = write_month(tmp_path / "published", "green", Month(2021, 2), ROWS, seed=77)
    loaded.configure({"taxi": {"source": f"{published.parent}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"}})
    assert loaded.run("DownloadMonth", "--color", "green", "--month", "2021-02", "--edition", "next").rc == 0
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    january, february, _ = lines(done)
    assert "≠" not in january
    assert february.endswith("≠ raw is another file than the one that was cleaned")


def test_a_raw_file_on_s3_is_held_against_its_receipt_too(
    loaded: Project, moto_server: S3Server, aws_variables: None
) -> None:
    bucket = moto_server.bucket()
    loaded.configure(
        {
            "taxi": {"workspace": f"s3://{bucket}/work", "lake": "s3"},
            "lake.s3": {"bucket": bucket, "endpoint_url": moto_server.url, "region": "us-east-1"},
        }
    )
    assert loaded.run(*COMMAND).rc == 0
    assert verify(loaded).rc == 0
    name = "work/raw/green/green_tripdata_2021-02.parquet"
    client = moto_server.client()
    content = bytearray(client.get_object(Bucket=bucket, Key=name)["Body"].read())
    content[1_000] ^= 1
    client.put_object(Bucket=bucket, Key=name, Body=bytes(content))
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    assert "≠ raw: its bytes are not those that were downloaded (sha256 " in done.out
    client.put_object(Bucket=bucket, Key=name, Body=bytes(content[:-1_000]))
    assert f"≠ raw: s3://{bucket}/{name}: a parquet file cut short after" in "\n".join(lines(verify(loaded)))


def test_a_store_that_is_down_is_said_once_and_the_rest_counted(loaded: Project, tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    (tmp_path / "nas" / "green").touch()  # a file in the place of the folder
    loaded.configure(
        {
            "taxi": {"lake": "local, nas", "warehouse": "duckdb, pg"},
            "lake.nas": {"type": "local", "path": tmp_path / "nas"},
            "warehouse.pg": {"type": "postgres", "url": "postgresql://u:hush@127.0.0.1:1/x"},
        }
    )
    done = verify(loaded)
    assert done.rc == FAILED, done.out
    assert "hush" not in done.out
    complaints = [line for line in lines(done) if line.startswith("taxi-luigi: ")]
    assert [" ".join(line.split()[:5]).rstrip(":") for line in complaints] == [
        "taxi-luigi: cannot list lake nas",
        "taxi-luigi: cannot list warehouse pg",
    ]
    assert [line.count("? nas") + line.count("? pg") for line in lines(done)[2:4]] == [2, 2]
    assert lines(done)[-1].endswith("no difference among the places that could be listed")
    rejects(loaded, "2021-02").unlink()
    assert verify(loaded).rc == DIFFERENT


def test_a_warehouse_is_counted_over_its_own_protocol(loaded: Project, postgres_url: str) -> None:
    loaded.configure(
        {"taxi": {"warehouse": "duckdb, pg"}, "warehouse.pg": {"type": "postgres", "url": "${PG}", "schema": "public"}}
    )
    env = {"PG": postgres_url}
    before = verify(loaded, env=env)
    assert before.rc == DIFFERENT
    assert lines(before)[0].endswith("– pg ≠ pg lacks the month")
    assert loaded.run(*COMMAND, env=env).rc == 0
    assert verify(loaded, env=env).rc == 0
    connection = psycopg2.connect(postgres_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO green_tripdata SELECT * FROM green_tripdata WHERE file_month = '2021-01-01' LIMIT 2"
        )
    connection.close()
    assert lines(verify(loaded, env=env))[0].endswith("≠ pg has 2 rows more than clean")


def test_what_is_not_kept_is_no_difference_here_nor_on_another_machine(loaded: Project, tmp_path: Path) -> None:
    shutil.copytree(loaded.workspace / "clean", tmp_path / "nas")
    shutil.rmtree(loaded.workspace / "clean")
    shutil.rmtree(loaded.workspace / "raw")
    loaded.configure(
        {
            "taxi": {"lake": "nas", "keep_raw": "false", "keep_clean": "false"},
            "lake.nas": {"type": "local", "path": tmp_path / "nas"},
        }
    )
    here = verify(loaded)
    assert here.rc == 0, here.out
    assert "– raw · – clean · " in lines(here)[0]
    shutil.rmtree(loaded.workspace / "rejected")
    elsewhere = verify(loaded)
    assert elsewhere.rc == 0, elsewhere.out
    assert "– raw · – clean · – rejected · " in lines(elsewhere)[0]


def test_named_months_are_looked_for_and_others_only_where_held(loaded: Project) -> None:
    named = verify(loaded, "--colors", "green", "--months", "2021-02..2021-03")
    assert named.rc == DIFFERENT, named.out
    assert lines(named)[1].endswith("≠ nowhere")
    assert lines(named)[2].endswith(": 1 month differs: green 2021-03")
    every = verify(loaded, "--months", "all")
    assert (every.rc, len(lines(every))) == (0, 3), every.out
    other = verify(loaded, "--colors", "yellow,green", "--months", "2021-01")
    assert other.rc == DIFFERENT
    assert lines(other)[-1].endswith(": 1 month differs: yellow 2021-01")


def test_a_month_that_was_downloaded_and_never_loaded_is_found(loaded: Project) -> None:
    assert loaded.run("DownloadMonth", "--color", "green", "--month", "2021-03").rc == 0
    done = verify(loaded)
    assert done.rc == DIFFERENT, done.out
    assert f"{ROWS:,} raw" in lines(done)[2]
    assert lines(done)[2].endswith("≠ clean lacks the month; duckdb lacks the month")


def test_nothing_loaded_is_nothing_to_verify(project: Project) -> None:
    done = verify(project)
    assert (done.rc, lines(done)) == (0, ["no month is held in any place"])
    named = verify(project, "--months", "2021-01")
    assert named.rc == DIFFERENT
    assert all(line.endswith("≠ nowhere") for line in lines(named)[:-1])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--colors", "purple"), "color must be one of yellow, green"),
        (("--months", "2021-13"), "month must look like 2024-01, not '2021-13'"),
        (("--months", "2199-01"), "is in the future"),
        (("--colors", "green", "--months", "2012"), "no month of 2012: green begins in 2013-08"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_one_line(project: Project, args: tuple[str, ...], says: str) -> None:
    done = verify(project, *args)
    assert done.rc == FAILED
    assert says in done.out
    assert len(done.out.splitlines()) == 1


def test_made_up_months_are_not_what_tlc_published(loaded: Project) -> None:
    done = verify(loaded, "--published", "--months", "2021-01")
    assert done.rc == DIFFERENT
    assert lines(done)[0].endswith(f"≠ TLC's file has {76_518 - ROWS:,} rows fewer than published")


def test_months_of_tlcs_hosts_that_have_other_rows_are_named_in_the_last_line_whatever_the_exit_code(
    project: Project, samples: Path, tmp_path: Path
) -> None:
    """The server is a proxy to its client, so that the files come from the publishers' own addresses."""
    write_month(tmp_path / "mirrored", "green", Month(2020, 11), 500, form="csv.gz")
    hosts = {
        "2021-01": "http://d37ci6vzurychx.cloudfront.net/trip-data/{color}_tripdata_{year}-{month:02}.parquet",
        "2020-11": "http://github.com/DataTalksClub/nyc-tlc-data/releases/download/{color}/"
        "{color}_tripdata_{year}-{month:02}.csv.gz",
        "2021-02": "http://trips.example/{color}_tripdata_{year}-{month:02}.parquet",
    }
    with Cdn(samples, tmp_path / "mirrored") as cdn:
        for month, template in hosts.items():
            project.configure({"taxi": {"source": template}})
            command = ("LoadAllMonths", "--colors", "green", "--months", month)
            done = project.run(*command, env={"http_proxy": cdn.url, "no_proxy": ""})
            assert done.rc == 0, done.out
    unlike = (
        "2 months have another number of rows than TLC published "
        f"(green 2020-11: 500 of 88,605; green 2021-01: {ROWS:,} of 76,518)"
    )
    done = verify(project)
    assert done.rc == 0, done.out
    assert lines(done)[-1] == f"3 months, {2 * ROWS + 500:,} rows: no difference; {unlike}"
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("DELETE FROM green_tripdata WHERE file_month = '2021-02-01'")
    differs = verify(project)
    assert differs.rc == DIFFERENT, differs.out
    assert lines(differs)[-1].endswith(f": 1 month differs: green 2021-02; {unlike}")
    judged = verify(project, "--published", "--months", "2021-02")
    assert (judged.rc, "than TLC published" in lines(judged)[-1]) == (DIFFERENT, False), judged.out


def test_tlcs_own_months_have_the_published_rows_in_either_form(project: Project, tlc_data: Path) -> None:
    whole = f"{tlc_data}/whole/{{color}}_tripdata_{{year}}-{{month:02}}"
    for ending, month in (("csv.gz", "2020-11"), ("parquet", "2021-01")):
        project.configure({"taxi": {"source": f"{whole}.{ending}"}})
        assert project.run("LoadAllMonths", "--colors", "green", "--months", month).rc == 0
    done = verify(project, "--published")
    assert done.rc == 0, done.out
    assert lines(done) == [
        "green 2020-11 88,605 published · 88,605 raw · 88,605 clean · 0 rejected · 88,605 duckdb",
        "green 2021-01 76,518 published · 76,518 raw · 76,518 clean · 0 rejected · 76,518 duckdb",
        "2 months, 165,123 rows: no difference",
    ]
