"""The table at the end."""

from .harness import Figure

_WIDTH = 64
HEAD = f"{'what':<{_WIDTH}} {'median':>9}   {'[min, max]':<22} {'goal':<24} met?"


def line(one: Figure) -> str:
    """One figure as one line."""
    spread = f"[{min(one.values):.4g}, {max(one.values):.4g}]" if len(one.values) > 1 else ""
    goal = one.goal.text if one.goal else ""
    met = {None: "", True: "yes", False: "NO"}[one.met]
    note = f"  ({one.note})" if one.note else ""
    return f"{one.what:<{_WIDTH}} {one.median:9.4g}   {spread:<22} {goal:<24} {met:<4}{note}".rstrip()


def table(figures: dict[str, list[Figure]]) -> str:
    """All subjects, one block each, and how many goals were met."""
    lines = [HEAD, "-" * len(HEAD)]
    for subject, found in figures.items():
        lines += [f"{subject}:", *(f"  {line(one)}" for one in found)]
    judged = [one.met for found in figures.values() for one in found if one.met is not None]
    return "\n".join([*lines, "-" * len(HEAD), f"goals met: {sum(judged)} of {len(judged)}"])
