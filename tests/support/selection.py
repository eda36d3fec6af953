"""A pytest plugin: of the suites for every kind of store and warehouse, one cloud's alone; all of its own folder."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `tests/support/cloud_check.py` gives."""
    parser.addoption("--kinds", help="of tests for several kinds, those of these, parted by commas")
    parser.addoption("--whole", help="the folder of which all tests run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects what is of another kind, or of none."""
    kinds, folder = config.getoption("--kinds").split(","), config.rootpath / config.getoption("--whole")

    def chosen(item: pytest.Item) -> bool:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return item.path.parent == folder or any(each in kinds for each in parameters.values() if isinstance(each, str))

    kept = [item for item in items if chosen(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
