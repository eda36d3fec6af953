"""What a person types wrong: one line that says what would be right, exit code 40, and nothing started."""

import pytest

from tests.support.project import Project


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("LoadAllMonths", "--colors", "purple"), "color must be one of yellow, green, not 'purple'"),
        (("LoadAllMonths", "--months", "2024-13"), "month must look like 2024-01, not '2024-13'"),
        (("LoadAllMonths", "--months", "2024-06..2024-01"), "the range 2024-06..2024-01 ends before it begins"),
        (("LoadAllMonths", "--months", "2008-01"), "yellow begins in 2009-01"),
        (("LoadAllMonths", "--months", "2199-01"), "2199-01 in '2199-01' is in the future"),
        (("LoadAlMonths",), "No task LoadAlMonths. Did you mean: LoadAllMonths"),
        (("CleanMonth", "--color", "green"), "requires the 'month' parameter to be set"),
        (("CleanMonth", "--color", "green", "--month", "2024"), "month must look like 2024-01, not '2024'"),
        (("LoadMonth", "--color", "green", "--month", "2024-01", "--warehouse", "dk"), "[warehouse.dk] type is 'dk'"),
        (("LoadAllMonths", "--taxi-keep-raw", "yes"), "[taxi] keep_raw is true or false, not 'yes'"),
        (("LoadAllMonths", "--taxi-source", "trips/{color}.parquet"), "[taxi] source"),
        (("LoadAllMonths", "--taxi-warehouse", "snowflake"), "the types of warehouse are duckdb, postgres"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_one_line(project: Project, args: tuple[str, ...], says: str) -> None:
    done = project.run(*args)
    assert done.rc == 40, done.out
    assert says in done.out
    assert len(done.out.splitlines()) == 1, done.out
    assert not project.workspace.exists()


def test_an_unknown_setting_is_one_line(project: Project) -> None:
    project.configure({"taxi": {"worksapce": "x"}})
    done = project.run("LoadAllMonths")
    assert done.rc == 40, done.out
    assert "[taxi] has no setting 'worksapce'" in done.out
    assert len(done.out.splitlines()) == 1, done.out


def test_taxi_luigi_says_what_is_wrong_in_one_line(project: Project) -> None:
    done = project.command("taxi-luigi", "sample", "--to", "x", "--months", "2021-01", "--colors", "purple")
    assert (done.rc, done.out) == (40, "taxi-luigi: color must be one of yellow, green, not 'purple'\n")
