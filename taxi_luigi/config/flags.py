"""Flags of the command line whose value is empty: they count as such, where Luigi takes them for not given (3.8.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luigi.cmdline_parser import CmdlineParser


class EmptyFlags:
    """A base of tasks and sections, before Luigi's: `--taxi-zones ''` is an empty text, `--months ''` a wrong one.

    What may be empty, the parameter's `parse` says, or what reads the section.
    """

    @classmethod
    def get_param_values(
        cls, params: Sequence[tuple[str, Any]], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> list[tuple[str, Any]]:
        """Luigi's, which makes the values of an instance from the command line, the files and the defaults."""
        given = (
            {} if args else {name: each.parse("") for name, each in params if name not in kwargs and cls._empty(name)}
        )
        return super().get_param_values(params, args, {**given, **kwargs})  # type: ignore[misc, no-any-return]

    @classmethod
    def _empty(cls, name: str) -> bool:
        parser = CmdlineParser.get_instance()
        if parser is None:
            return False
        family = cls.get_task_family()  # type: ignore[attr-defined]
        names = [f"{family}_{name}", *([name] if parser.known_args.root_task == family else [])]
        return any(getattr(parser.known_args, each, None) == "" for each in names)
