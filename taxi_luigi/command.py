"""A command line as it may be shown: what was typed, without the secrets in it. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from taxi_luigi.sources import public_url

_SECRET = re.compile(r"--(notify-u\S*|\S*(passw|secret|token|key|credential))", re.IGNORECASE)
"""options whose value nobody is to see: addresses that are passwords, also abbreviated, and those of a person's task"""


def shown(arguments: Sequence[str]) -> str:
    """The arguments of `luigi` without `--module taxi_luigi`, as a person would type them."""
    told: list[str] = []
    before = ""
    for word, typed in zip(masked(arguments), arguments, strict=True):
        if before != "--module" and typed.split("=")[0] != "--module":
            told.append(word)
        before = typed
    return " ".join(map(_quoted, told))


def masked(arguments: Sequence[str]) -> list[str]:
    """All of the arguments, with *** in the place of each secret."""
    return [_masked(word, before) for word, before in zip(arguments, ("", *arguments), strict=False)]


def public(text: str) -> str:
    """User and password of any URL are masked, and what follows ? in one of http."""
    return re.sub(r"://[^/@\s]*@", "://***@", public_url(text))


def _quoted(word: str) -> str:
    """For a shell; the asterisks of a mask are not worth the quotes."""
    bare = word.replace("***", "x")
    return word if shlex.quote(bare) == bare else shlex.quote(word)


def _masked(word: str, before: str) -> str:
    if not word.startswith("-"):
        return "***" if _SECRET.match(before) and "=" not in before else public(word)
    option, equals, value = word.partition("=")
    return f"{option}=***" if equals and _SECRET.match(option) else f"{option}{equals}{public(value)}"
