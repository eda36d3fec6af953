"""A pytest plugin: of the suites for every kind of store and warehouse, Google's alone; all of tests/gcp."""

from __future__ import annotations

from pathlib import Path

import pytest

KINDS = {"gcs", "bigquery"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects what is of another kind, or of none."""
    chosen = [item for item in items if _is_googles(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _is_googles(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return item.path.parent == Path(__file__).parent or any(
        isinstance(value, str) and value in KINDS for value in parameters.values()
    )
