"""Source without its workings: signatures, docstrings, fields and the comments on them."""

from __future__ import annotations

import ast
import re

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def stub(source: str, node: ast.stmt) -> str:
    """The lines of a definition, with the body of every function left out and private methods gone."""
    lines: list[str | None] = list(source.splitlines())
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            if isinstance(inner, _Definition):
                _shorten(lines, inner, drop=inner.name.startswith("_") and inner.name not in ("__init__", "__call__"))
    elif isinstance(node, _Definition):
        _shorten(lines, node, drop=False)
    kept = [line for line in lines[_start(node) - 1 : node.end_lineno] if line is not None]
    text = re.sub(r"  # (?:noqa|type:|fmt:).*", "", "\n".join(kept))  # said to checkers, not to readers
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def find(source: str, name: str) -> ast.stmt:
    """The definition or assignment of a name at the top of a module."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            return node
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            return node
    raise LookupError(f"{name} must be defined at the top of its module")


def unexported_bases(source: str, node: ast.stmt, exported: set[str]) -> list[str]:
    """Names of the class's bases that are defined in the same module and told nowhere else."""
    here = {one.name for one in ast.parse(source).body if isinstance(one, ast.ClassDef)}
    bases = map(ast.unparse, node.bases) if isinstance(node, ast.ClassDef) else ()
    return [base for base in bases if base in here - exported]


def _start(node: ast.stmt) -> int:
    marks: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(mark.lineno for mark in marks)])


def _shorten(lines: list[str | None], node: ast.FunctionDef | ast.AsyncFunctionDef, drop: bool) -> None:
    """Blank the body after the docstring, or the whole method."""
    assert node.end_lineno is not None
    if drop:
        lines[_start(node) - 1 : node.end_lineno] = [None] * (node.end_lineno - _start(node) + 1)
        return
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not body or body[0].lineno == node.lineno:  # nothing but a docstring, or `def f(): ...`
        return
    first = _start(body[0])
    before = node.body[0].end_lineno if body is not node.body else first - 1
    assert before is not None
    indent = " " * body[0].col_offset
    lines[before : node.end_lineno] = [f"{indent}...", *[None] * (node.end_lineno - before - 1)]
