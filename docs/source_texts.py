"""Which texts an expression in taxi_luigi/ can become, by reading the code and without running it; for messages.py."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

HOLE = "…"
"""stands for what is put in when the message is made: a path, a month, what a server said"""
MOST = 24
"""alternatives of one message; with more, the part that differs stays a hole"""
DEEP = 5
"""names that are followed, one through the other"""


@dataclass
class Module:
    """One file of the package, and what is needed to put its messages together."""

    path: Path
    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node

    @property
    def name(self) -> str:
        """As lists of modules have it: `stores/gcs.py`."""
        return str(self.path.relative_to(ROOT / "taxi_luigi"))

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """The values that names have in the whole module."""
        found: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found[target.id] = node.value
                    elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        pairs = zip(target.elts, node.value.elts, strict=False)
                        found |= {name.id: value for name, value in pairs if isinstance(name, ast.Name)}
        return found

    @cached_property
    def functions(self) -> dict[str, list[ast.FunctionDef]]:
        """By name, methods too."""
        found: dict[str, list[ast.FunctionDef]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append(node)
        return found

    @cached_property
    def imports(self) -> dict[str, str]:
        """Name → dotted name of the module that it is imported from."""
        return {
            alias.name: node.module or ""
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def calls(self, function: str) -> Iterator[ast.Call]:
        """The calls of a function of this file, by its name or as a method of self."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)):
                    if name == function:
                        yield node

    def assigned(self, node: ast.Name) -> list[ast.expr]:
        """What the function that a name is in gives to it, as near as that is done: not in another `except`."""
        given = {
            each: each.value
            for each in ast.walk(self.function_of(node) or self.tree)
            if isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
        }
        around = set(self.above(node))
        for outer in self.above(node):
            near = [each for each in given if outer in self.above(each)]
            if near:
                handlers = {each: {a for a in self.above(each) if isinstance(a, ast.ExceptHandler)} for each in near}
                return [given[each] for each in near if handlers[each] <= around] or [given[each] for each in near]
        return []

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What something is in, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function_of(self, node: ast.AST) -> ast.FunctionDef | None:
        """The function that something is in."""
        return next((outer for outer in self.above(node) if isinstance(outer, ast.FunctionDef)), None)


def modules() -> dict[str, Module]:
    """All of the package, by dotted name."""
    found = {}
    for path in sorted((ROOT / "taxi_luigi").rglob("*.py")):
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[dotted] = Module(path, ast.parse(path.read_text(encoding="utf-8")))
    return found


Scope = dict[str, tuple[ast.expr, "Scope"]]
"""what the arguments of a function are at one of its calls, each with what its own names mean there"""


class Texts:
    """Turns the expression that makes a message into the texts that it can be."""

    def __init__(self, everything: dict[str, Module]) -> None:
        self._all = everything

    def of(self, node: ast.expr, module: Module) -> list[str]:
        """All of them; HOLE stands for what is not known before the program runs."""
        return list(
            dict.fromkeys(text for scope in self._scopes(node, module) for text in self._of(node, module, scope))
        )

    def _scopes(self, node: ast.expr, module: Module) -> list[Scope]:
        """One for each call, in the same file, of the private function that makes the message."""
        function = module.function_of(node)
        if function is None or not function.name.startswith("_") or function.name.startswith("__"):
            return [{}]
        arguments = [argument.arg for argument in function.args.args if argument.arg != "self"]
        scopes: list[Scope] = []
        for call in module.calls(function.name):
            given = dict(zip(arguments, call.args, strict=False)) | {
                each.arg: each.value for each in call.keywords if each.arg
            }
            scopes.append({name: (value, {}) for name, value in given.items()})
        return scopes or [{}]

    def _of(self, node: ast.expr, module: Module, scope: Scope, depth: int = DEEP) -> list[str]:
        texts = self._alternatives(node, module, scope, depth) if depth else [HOLE]
        return texts if 0 < len(texts) <= MOST else [HOLE]

    def _alternatives(self, node: ast.expr, module: Module, scope: Scope, depth: int) -> list[str]:
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return self._joined(parts, module, scope, depth)
            case ast.FormattedValue(value=value):
                return self._of(value, module, scope, depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([left, right], module, scope, depth)
            case ast.IfExp(body=yes, orelse=no):
                return self._either([yes, no], module, scope, depth)
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._either(values, module, scope, depth)
            case ast.Name():
                return self._named(node, module, scope, depth - 1)
            case ast.Subscript(value=ast.Name(id=name)) if isinstance(known := module.constants.get(name), ast.Dict):
                return self._either(known.values, module, {}, depth)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)):
                return self._returned(name, module, depth - 1)
        return [HOLE]

    def _joined(self, parts: list[ast.expr], module: Module, scope: Scope, depth: int) -> list[str]:
        choices = [self._of(part, module, scope, depth) for part in parts]
        while prod(map(len, choices)) > MOST:
            choices[max(range(len(choices)), key=lambda place: len(choices[place]))] = [HOLE]
        return ["".join(each) for each in product(*choices)]

    def _either(self, values: Iterable[ast.expr], module: Module, scope: Scope, depth: int) -> list[str]:
        return list(dict.fromkeys(text for value in values for text in self._of(value, module, scope, depth)))

    def _named(self, node: ast.Name, module: Module, scope: Scope, depth: int) -> list[str]:
        name = node.id
        if name in scope:
            value, outer = scope[name]
            return self._of(value, module, outer, depth)
        assigned = module.assigned(node)
        if assigned:
            return self._either(assigned, module, scope, depth)
        if name in module.constants:
            return self._of(module.constants[name], module, {}, depth)
        other = self._all.get(module.imports.get(name, ""))
        return self._of(other.constants[name], other, {}, depth) if other and name in other.constants else [HOLE]

    def _returned(self, name: str, module: Module, depth: int) -> list[str]:
        """What a function of the same file can give; a hole when one of its answers is one."""
        values = [
            each.value
            for function in module.functions.get(name, [])
            for each in ast.walk(function)
            if isinstance(each, ast.Return) and each.value is not None
        ]
        texts = [text for text in self._either(values, module, {}, depth) if text]
        return texts if texts and all(re.search("[a-z]{3}", text) for text in texts) else [HOLE]
