"""docs/azure.md names the role of the errors, and scripts/check-azure does what it says, shown on Azurite."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from taxi_luigi.storage import azure
from tests.azure.run import SUITES
from tests.docs.checkouts import checkout, ended
from tests.docs.documents import blocks
from tests.support.azure import ACCOUNT, KEYS, AzureServer, connection_string
from tests.support.project import ROOT, environment

__all__ = ["checkout"]

PAGE = (ROOT / "docs" / "azure.md").read_text(encoding="utf-8")
Check = Callable[..., "subprocess.Popen[str]"]


def test_the_role_is_the_one_that_errors_name() -> None:
    granted = set(re.findall(r'--role "([^"]+)"', "\n".join(blocks(PAGE, "sh"))))
    assert granted == {azure.ROLE, "Storage Blob Delegator"}, "the second makes signatures, and reads nothing"


def test_each_code_of_the_page_has_its_line() -> None:
    named = set(re.findall(r"^\| 40[34] `(\w+)`", PAGE, re.M))
    assert len(named) == 5
    assert named <= azure._WRONG.keys()


@pytest.fixture
def check(checkout: Path, azurite: AzureServer) -> Check:
    """Begins the script against Azurite."""
    variables = {"CI": "", "AZURE_STORAGE_CONNECTION_STRING": connection_string(azurite)}

    def begin(*arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [checkout / "scripts" / "check-azure", *arguments],
            env=environment(variables | more), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    return begin


def test_a_check_passes_and_leaves_nothing(check: Check, azurite: AzureServer) -> None:
    """Of each suite a test."""
    container = azurite.fresh_container()
    azurite.container(container).upload_blob("data/ours", b"stays")
    some = "test_a_second_put or test_removing_takes or test_months_go or a_taken_name"
    code, out = ended(check(ACCOUNT, container, "-k", some))
    assert code == 0, out
    for suite in ("tests/contract/test_stores.py", "tests/azure"):
        assert suite in SUITES.paths
        assert suite in out
    assert "[azure] PASSED" in out
    assert "test_months_go_from_a_folder_to_the_container_and_to_duckdb_once PASSED" in out
    assert not re.search(r"\[(local|folder|s3|gcs|duckdb|postgres)\]", out)
    assert f"{azurite.endpoint}/{ACCOUNT} is asked, so nothing of this shows what Azure does" in out
    assert f"Taken away: blobs az://{container}/taxi_luigi_check_" in out
    assert [blob.name for blob in azurite.container(container).list_blobs()] == ["data/ours"]
    assert KEYS[ACCOUNT] not in out


@pytest.mark.parametrize("arguments", [(), ("account",), ("account", ""), ("--help", "c"), ("account", "az://c")])
def test_wrong_arguments_are_one_line(check: Check, arguments: tuple[str, ...]) -> None:
    usage = "usage: scripts/check-azure ACCOUNT CONTAINER [PYTEST ARGUMENTS]\n"
    assert ended(check(*arguments)) == (2, usage)


def test_a_missing_container_is_one_line(check: Check) -> None:
    code, out = ended(check(ACCOUNT, "no-such-thing"))
    assert code == 1
    assert re.fullmatch(r"check-azure: .*no-such-thing.*\n", out), out
