"""Errors, exit codes, and the codes of refusals."""

from __future__ import annotations

import ast
import inspect

from advbench.catalog import pairing
from advbench.contract import errors

from .markdown import block, code, page, plain, table

EXITS = (
    ("0", "all went well"),
    ("1", "a cell failed; the others are in the report"),
    ("2", "a bad request: unknown name, bad value, broken plugin or report"),
    ("5", "nothing was selected, or every cell was refused"),
    ("130", "interrupted; everything finished is kept, and the same command goes on from there"),
)
TREE = "Everything that `advbench` raises on purpose. A traceback is shown only for errors that are not in this tree."
REFUSALS = """\
A combination that makes no sense is not run: it becomes a row of `cells.parquet` with status `refused`,
one of these codes, and a reason with what to do. `--strict` turns it into exit code 2."""


def errors_page() -> str:
    """The tree as drawn in the source, then what each error means."""
    tree = inspect.cleandoc(errors.__doc__ or "").split("\n\n")
    kinds = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    rows = [
        (code(kind.__name__), str(getattr(kind, "exit_code", "")), plain(inspect.getdoc(kind) or "")) for kind in kinds
    ]
    return page(
        "Errors",
        TREE,
        block(tree[1], "text"),
        tree[2],
        table(("error", "exit code", "meaning"), rows),
        "## Exit codes\n\n" + table(("code", "meaning"), EXITS),
        "## Refusals\n\n" + REFUSALS,
        "\n".join(f"- {code(name)}" for name in refusal_codes()),
    )


def refusal_codes() -> list[str]:
    """The first argument of every Refusal that pairing makes."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(pairing))) if isinstance(node, ast.Call)]
    made = [call for call in calls if ast.unparse(call.func) == "Refusal" and call.args]
    return sorted({str(call.args[0].value) for call in made if isinstance(call.args[0], ast.Constant)})
