"""A command line as it may be shown: what was typed, without the secrets in it. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from taxi_luigi.core.redaction import MASK, redact, typed

_SECRET = re.compile(r"--(notify-u\S*|\S*(passw|secret|token|key|credential))", re.IGNORECASE)
"""options whose value nobody is to see: addresses that are passwords, also abbreviated, and those of a person's task"""


def shown(arguments: Sequence[str]) -> str:
    """The arguments of `luigi` without `--module taxi_luigi`, as a person would type them."""
    told: list[str] = []
    before = ""
    for word, given in zip(masked(arguments), arguments, strict=True):
        if before != "--module" and given.split("=")[0] != "--module":
            told.append(word)
        before = given
    return " ".join(map(_quoted, told))


def masked(arguments: Sequence[str]) -> list[str]:
    """All of the arguments, with *** in the place of each secret."""
    return [_masked(word, before) for word, before in zip(arguments, ("", *arguments), strict=False)]


def _quoted(word: str) -> str:
    """For a shell; the asterisks of a mask are not worth the quotes."""
    bare = word.replace(MASK, "x")
    return word if shlex.quote(bare) == bare else shlex.quote(word)


def _masked(word: str, before: str) -> str:
    if not word.startswith("-"):
        return MASK if _SECRET.match(before) and "=" not in before else typed(word)
    option, equals, given = word.partition("=")
    return f"{option}={MASK}" if equals and _SECRET.match(option) else f"{redact(option)}{equals}{typed(given)}"
