"""Flags of the command line: report an unknown one in one line, and keep empty values.

For an unknown flag Luigi prints its usage; a flag with an empty value counts as not given (3.8.1).
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise, takewhile
from typing import Any

import luigi
from luigi.cmdline_parser import CmdlineParser
from luigi.task_register import Register

from taxi_luigi.core.redaction import redact

_MALFORMED = 2
"""exit code of argparse, and so of Luigi, for a malformed command line"""


_PACKAGE = f"{__name__.partition('.')[0]}."


class EmptyFlags:
    """A base class of tasks and sections, before Luigi's: `--taxi-zones ''` is an empty text, `--months ''` an error.

    The parameter's `parse`, or the declaration of the setting, refuses an empty text where it is invalid.
    """

    @classmethod
    def get_params(cls) -> list[tuple[str, luigi.Parameter]]:
        """Override Luigi's method, which searches the class for its parameters, for 589 months 17,500 times (3.8.1).

        Ours are complete when the class is made. A user's subclass may get more later, as by `luigi.util.requires`.
        """
        if cls.__module__.startswith(_PACKAGE):
            return _params(cls)  # type: ignore[arg-type]  # a class can be hashed
        return super().get_params()  # type: ignore[misc, no-any-return]

    @classmethod
    def get_param_values(
        cls, params: Sequence[tuple[str, Any]], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> list[tuple[str, Any]]:
        """Override Luigi's method, which collects values from the command line, the files and the defaults."""
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


@cache
def _params(kind: Any) -> list[tuple[str, luigi.Parameter]]:
    found: list[tuple[str, luigi.Parameter]] = super(EmptyFlags, kind).get_params()
    return found


def check(words: Sequence[str] | None = None) -> None:
    """End the process for an unknown flag, with a line and the code of a malformed command line.

    Called when the package has been imported; under `luigi --module taxi_luigi`, all flags are known by then.
    Of several modules luigi imports the last. Another module than ours has tasks of its own, which come later.

    Args:
        words: the arguments of `luigi`; None: those of this process
    """
    words = sys.argv[1:] if words is None else words
    if [name for pair in pairwise(words) for name in _module(*pair)][-1:] != ["taxi_luigi"]:
        return
    unknown_flag = unknown(words)
    if unknown_flag:
        near = difflib.get_close_matches(unknown_flag, sorted(known(words)), n=1)
        hint = f"; did you mean {near[0]}?" if near else "; --help lists them"
        sys.stderr.write(f"luigi: error: there is no option {redact(unknown_flag)}{hint}\n")
        raise SystemExit(_MALFORMED)


def unknown(words: Sequence[str]) -> str:
    """Return the first unknown option, without its value; '' if there is none. As in argparse, a prefix is enough.

    `-1/3` is an option too, and never the value of the flag before it: only a number is, as `-1`.
    """
    flags = known(words)
    for word in takewhile(lambda word: word != "--", words):
        name = word.partition("=")[0]
        if re.match(r"-(?:[^\d.\s]|\S*[^\d.\s]\S*$)", word) and not any(flag.startswith(name) for flag in flags):
            return name
    return ""


def _module(word: str, following: str) -> Sequence[str]:
    if word == "--module":
        return [following]
    return [word.removeprefix("--module=")] if word.startswith("--module=") else []


def known(words: Sequence[str]) -> set[str]:
    """Return the flags of all tasks and sections, and the short ones of the tasks among the words."""
    flags = {"--help", "--help-all"}
    for task, bare, name, _ in Register.get_all_params():
        names = [name] if bare else [f"{task}_{name}", *([name] if task in words else [])]
        flags |= {f"--{each.replace('_', '-')}" for each in names}
    return flags
