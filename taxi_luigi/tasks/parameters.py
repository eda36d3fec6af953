"""Luigi parameters for colors and months, with errors of one line."""

from __future__ import annotations

from typing import Any

import luigi

from taxi_luigi.core.errors import UsageError
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, Selection


def _color(text: str) -> str:
    if text not in DATASETS:
        raise UsageError(f"color must be one of {', '.join(DATASETS)}, not {text!r}")
    return text


class ColorParameter(luigi.Parameter):
    """One record type: TLC's own file prefix."""

    def parse(self, x: str) -> str:
        return _color(x.strip())


class ColorsParameter(luigi.Parameter):
    """Several record types, `yellow,green`, as a tuple without repetition."""

    def parse(self, x: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_color(part.strip()) for part in x.split(",")))

    def serialize(self, x: tuple[str, ...]) -> str:
        return ",".join(x)


class RefreshParameter(luigi.Parameter):
    """`--refresh` alone is `recent`; '' is off."""

    def parse(self, x: str) -> str:
        if x not in ("", "recent", "all"):
            raise UsageError(f"refresh must be recent or all, not {x!r}")
        return x

    @classmethod
    def _parser_kwargs(cls, param_name: str, task_name: str | None = None) -> Any:
        """argparse's words for an option whose value may be left out, as luigi's own BoolParameter has them (3.8.1)."""
        return super()._parser_kwargs(param_name, task_name) | {"nargs": "?", "const": "recent"}


class MonthParameter(luigi.Parameter):
    """One month, `2024-01`, as a Month."""

    def parse(self, x: str) -> Month:
        return Month.parse(x)

    def normalize(self, x: Any) -> Any:
        return Month.parse(x) if isinstance(x, str) else x


class MonthsParameter(luigi.Parameter):
    """Several months, as `2024,2025-01..`, as a Selection."""

    def parse(self, x: str) -> Selection:
        return Selection.parse(x)

    def normalize(self, x: Any) -> Any:
        return Selection.parse(x) if isinstance(x, str) else x
