"""Every hook, with the signature exactly as its source has it."""

from __future__ import annotations

import ast
import inspect

from advbench.catalog import hookspecs

from .markdown import block, page
from .stubs import stub

ABOUT = f"""\
A plugin is a Python distribution with an entry point in the group `{hookspecs.PROJECT}`, or one file given to
`--plugin`. Its module holds functions of these names, marked with `@advbench.hookimpl`. A function whose name begins
with `advbench_` and is not listed here breaks the plugin, with the nearest name told; nothing is passed over in
silence.

```toml
[project.entry-points.{hookspecs.PROJECT}]
NAME = "PACKAGE"
```

The module that the entry point names must import no torch: listing waits for it. It hands over specs, and names classes
as `"package.module:Class"`; those are imported when they are chosen or shown. A plugin may declare
`ADVBENCH_API = {hookspecs.API_VERSION}`; another number than that refuses it."""


def hooks_page() -> str:
    """One section per hook, then the types that hooks are handed."""
    source = inspect.getsource(hookspecs)
    tree = ast.parse(source)
    parts = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(ast.unparse(mark) == "hookspec" for mark in node.decorator_list):
            signature = "\n".join(source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1])
            parts.append(f"## {node.name}\n\n{block(signature)}\n\n{ast.get_docstring(node)}")
    handed = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    parts += [f"## {node.name}\n\n{block(stub(source, node))}" for node in handed]
    return page("Hooks", ABOUT, *parts)
