"""Distributions made up on the spot, for tests of what is found among the installed."""

from pathlib import Path
from textwrap import dedent

HEAD = """
from dataclasses import dataclass
from advbench import *

@dataclass(frozen=True)
class Toy:
    steps: int = param(3, ge=1, help="steps")

    def perturb(self, oracle, x, rng):
        return Perturbed(x)

def spec(name, kind=AttackSpec):
    return kind(name=name, summary="a toy", needs=Access.NONE, modalities=frozenset(Modality), norms=frozenset(Norm))
"""
GOOD = """
@hookimpl
def advbench_register_attacks(register):
    register(spec("{name}"), Toy)
"""


class Place:
    """A folder on sys.path where distributions are made up."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def install(self, plugin, body, *, dist=None, version="1.0", head=HEAD):
        """Write package toy_<plugin> and a distribution that offers it as `plugin`."""
        dist = dist or f"advbench-{plugin}"
        package = f"toy_{dist}_{plugin}".replace("-", "_")
        (self.root / package).mkdir()
        (self.root / package / "__init__.py").write_text(head + dedent(body))
        self.offer(dist, f"{plugin} = {package}", version=version)
        return package

    def offer(self, dist, line, version="1.0"):
        info = self.root / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[advbench]\n{line}\n")
