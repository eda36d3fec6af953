"""Luigi parameters for colors and months.

Each checks its value where a task is made, from Python as from the command line, and raises UsageError with one line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import luigi
from luigi import date_interval

from taxi_luigi.core.errors import UsageError
from taxi_luigi.core.text import cut
from taxi_luigi.tasks.job_arrays import shard_here
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, Selection
from taxi_luigi.tlc.shards import MOST, Shard


class TextParameter(luigi.Parameter):
    """A text, or a path; Luigi's own takes any other value, too, with a warning."""

    def __set_name__(self, owner: Any, name: str) -> None:
        super().__set_name__(owner, name)
        self._name = name

    def normalize(self, x: Any) -> str:
        if not isinstance(x, str | Path):
            raise UsageError(f"{self._name} must be a text, not {x!r}")
        return str(x)


class ColorParameter(luigi.Parameter):
    """One record type, by TLC's own file prefix."""

    def parse(self, x: str) -> str:
        return self.normalize(x.strip())

    def normalize(self, x: Any) -> str:
        if not isinstance(x, str) or x not in DATASETS:
            raise UsageError(f"color must be one of {', '.join(DATASETS)}, not {x!r}")
        return x


class ColorsParameter(luigi.Parameter):
    """Several record types, as a tuple without repetition: the text `yellow,green`, a list or a tuple."""

    def parse(self, x: str) -> tuple[str, ...]:
        return self.normalize(x)

    def normalize(self, x: Any) -> tuple[str, ...]:
        colors = x.split(",") if isinstance(x, str) else x
        if not isinstance(colors, list | tuple) or not colors:
            raise UsageError(f"colors must be a text as yellow,green, or a list or tuple of such names, not {x!r}")
        found = [color.strip() if isinstance(color, str) else color for color in colors]
        return tuple(dict.fromkeys(map(ColorParameter().normalize, found)))

    def serialize(self, x: Iterable[str]) -> str:
        return ",".join(x)


class FlagParameter(luigi.BoolParameter):
    """True or False; Luigi's own takes any other value for None, which counts as False."""

    def parse(self, x: Any) -> bool:
        try:
            return bool(super().parse(x))
        except ValueError:
            raise UsageError(f"force must be true or false, not {x!r}") from None

    def normalize(self, x: Any) -> bool:
        return self.parse(x)


class RefreshParameter(luigi.BoolParameter):
    """`--refresh` alone is `recent`; '' is off."""

    parsing = luigi.BoolParameter.EXPLICIT_PARSING
    """with which the value may be left out; it is True then"""

    def parse(self, x: Any) -> Any:
        return self.normalize("recent" if x is True else x)

    def normalize(self, x: Any) -> Any:
        if x not in ("", "recent", "all"):
            raise UsageError(f"refresh must be recent or all, not {x!r}")
        return str(x)


class ShardParameter(luigi.Parameter):
    """A Shard: the text `3/8`; `auto` and `auto/8` are the shard of this process by its platform. '' is none."""

    def parse(self, x: str) -> Shard:
        match = re.fullmatch(r"(auto|[0-9]{1,5})(?:/([0-9]{1,5}))?", x.strip())
        number, count = (match[1], int(match[2]) if match[2] else None) if match else ("", None)
        if number == "auto" and (count is None or 1 <= count <= MOST):
            return shard_here(os.environ, count)
        if not number.isdigit() or count is None or not 1 <= int(number) <= count <= MOST:
            raise UsageError(
                f"shard must be I/N, with I from 1 to N and N up to {MOST:,}, auto or auto/N, not {cut(x.strip())!r}"
            )
        return Shard(int(number), count)

    def normalize(self, x: Any) -> Shard | str:
        if x == "" or isinstance(x, Shard):
            return x  # type: ignore[no-any-return]
        if not isinstance(x, str):
            raise UsageError(f"shard must be a text as 3/8, not {x!r}")
        return self.parse(x)


class MonthParameter(luigi.MonthParameter):
    """One month, as a Month: the text `2024-01`, a date or time within it, or Luigi's `date_interval.Month`."""

    def parse(self, x: str) -> Month:
        return Month.parse(x)

    def serialize(self, x: Month) -> str:
        return str(x)

    def normalize(self, x: Any) -> Month:
        if isinstance(x, date) and isinstance(x.year, int):  # a datetime is one, too; pandas' NaT is one without a year
            return Month.of(x)
        if isinstance(x, date_interval.Month):
            return Month.of(x.date_a)
        if isinstance(x, str):
            return Month.parse(x)
        raise UsageError(f"month must be a text as 2024-01 or a date, not {x!r}")


class MonthsParameter(luigi.Parameter):
    """Several months, as a Selection: the text `2024,2025-01..`, a month as for MonthParameter, or a list of these."""

    def parse(self, x: str) -> Selection:
        return Selection.parse(x)

    def normalize(self, x: Any) -> Selection:
        if isinstance(x, Selection):
            return x
        if isinstance(x, str):
            return Selection.parse(x)
        if isinstance(x, date | date_interval.Month):
            return Selection.parse(str(MonthParameter().normalize(x)))
        if isinstance(x, list | tuple):
            return Selection.parse(",".join(str(self.normalize(each)) for each in x))
        raise UsageError(f"months must be a text as 2024,2025-01.., a date, or a list of these, not {x!r}")
