"""Where taxi_luigi/ and scripts/ make a message that a person can be shown, and of what kind it is; for messages.py."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

from source_texts import HOLE, ROOT, Module, Texts, modules


@dataclass(frozen=True)
class Message:
    """What a person can be shown."""

    text: str
    """with HOLE for what differs"""
    module: str
    line: int
    kind: str
    """the name of the error's class, or `warning`, `error`, `finding`"""


def error_classes(everything: dict[str, Module]) -> set[str]:
    """The names of TaxiError and of all that are made of it."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for module in everything.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"TaxiError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


CALLS = {
    "Refused": "StorageError",
    "Unusable": "script",
    "_complain": "script",
    "kind": "StorageError",
    "failure": "StorageError",
}
"""what is called with a message, beside the errors themselves → what a person is shown of it"""

CLAUSES = {
    ("files.py", "unwritable"): "ConfigError",
    ("logs/failures.py", "one_line"): "Luigi",
    ("logs/failures.py", "_unset"): "Luigi",
    ("luigid.py", "__str__"): "log",
    ("remarks.py", "_left_out"): "log",
    ("sources/exchange.py", "_reason"): "SourceError",
    ("summary.py", "_not_ours"): "log",
}
"""(module, function) → of what its answers are the text or a part"""

SCRIPTS = ("cron-run", "check-gcp", "image", "lib.sh", "luigid", "quickstart")


@cache
def messages() -> tuple[Message, ...]:
    """Every text of an error, of a finding of the doctor's and of a warning in the log, in the order of the code."""
    everything = modules()
    errors = error_classes(everything)
    texts = Texts(everything)
    found = []
    for module in everything.values():
        for node in ast.walk(module.tree):
            for kind, expression in _says(node, module, errors):
                found += [
                    Message(_tidy(text), module.name, expression.lineno, kind) for text in texts.of(expression, module)
                ]
    found = [each for each in found if len(re.findall(r"[A-Za-z]{2,}", each.text)) > 1]
    return (*sorted(set(found), key=lambda each: (each.module, each.line, each.text)), *_of_scripts())


def _says(node: ast.AST, module: Module, errors: set[str]) -> list[tuple[str, ast.expr]]:
    """What kind of message a place in the code makes, and of what."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[expression, *_]) if name in CALLS or name in errors:
            return [(CALLS.get(name, name), expression)]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr="warning" | "error"), args=[said, *_]):
            return [("log", said)]
        case ast.Call(func=ast.Attribute(attr="_restart"), args=[_, expression]):
            return [("SourceError", expression)]
        case ast.Call(func=ast.Name(id="Finding"), args=[_, _, verdict, expression]):
            good = isinstance(verdict, ast.Attribute) and verdict.attr == "GOOD"
            return [] if good else [("doctor", expression)]
        case ast.Assign(targets=[ast.Name(id="_ADVICE")], value=ast.Dict(values=values)):
            return [("WarehouseError", value) for value in values]
        case ast.Lambda(body=expression) if module.name == "cloud/aws_errors.py":
            return [("ConfigError", expression)]
        case ast.Yield(value=ast.expr() as expression) if module.name == "verify/judge.py":
            return [("verify", expression)]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="told"), attr="append"), args=[expression]):
            return [("log", expression)]
        case ast.Return():
            return _answers(node, module, errors)
    return []


def _answers(node: ast.Return, module: Module, errors: set[str]) -> list[tuple[str, ast.expr]]:
    """What a function hands to whoever raises the error."""
    match node.value:
        case ast.Tuple(elts=[ast.Name(id=name), expression]) if name in errors:
            return [(name, expression)]
        case ast.List(elts=[expression]) | (ast.expr() as expression):
            function = module.function_of(node)
            kind = CLAUSES.get((module.name, function.name)) if function is not None else None
            return [(kind, expression)] if kind else []
    return []


def _of_scripts() -> list[Message]:
    """What the scripts say before Python does."""
    found = []
    for name in SCRIPTS:
        text = (ROOT / "scripts" / name).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            for said in re.findall(r'(?:\bfail|(?<=echo)) "((?:\$\([^)]*\)|[^"\\]|\\.)+)"(?: >&2)?', line):
                if "fail " in line or ">&2" in line:
                    words = re.sub(r"\$\{[^}]*\}|\$\((?:[^()]|\([^)]*\))*\)|\$[A-Za-z_*@]+", HOLE, said)
                    found.append(Message(_tidy(words), f"scripts/{name}", number, "script"))
    return found


def _tidy(text: str) -> str:
    """One hole for several in a row, and for logging's own; no blanks at the ends."""
    text = re.sub(r"%[sd]|%\.\df|\{name\}", HOLE, " ".join(text.split()))
    return re.sub(rf"{HOLE}(?:\s*{HOLE})+", HOLE, text)
