"""Runs what the paper (arXiv 1809.09262) states in words, fact by fact, and says which of it is reproduced.

    python plugins/rbfi/facts.py digits OUT     128-128-10 on the bundled digits, minutes
    python plugins/rbfi/facts.py mnist-128 OUT  128-128-10 on MNIST
    python plugins/rbfi/facts.py paper OUT      512-512-512-10 on MNIST, 30 epochs, hours

Networks are trained once and kept in the cache, finished cells are kept in OUT: the same command goes on where it was
stopped. `--only a --only b` runs some of them. The table is printed and kept as OUT/facts.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Scale:
    """How large everything is. hidden: units per hidden layer.  deep, deep_epochs: of section 6.8.  eps: linf."""

    dataset: str
    hidden: tuple[int, ...]
    epochs: int
    deep: int
    deep_epochs: int
    eps: float
    n_clean: int
    n: int
    restarts: int

    def rbfi(self, kinds: str = "^v^v", **more: object) -> str:
        """An RBFI network whose layers are of these kinds; with fewer layers, of the first ones and the last."""
        sizes = [*self.hidden, 10]
        kinds = kinds[: len(sizes) - 1] + kinds[-1]
        layers = ",".join(f"{size}{kind}" for size, kind in zip(sizes, kinds, strict=True))
        return _typed("rbfi", {"geometry": layers, "epochs": self.epochs, **more})

    def mlp(self, activation: str, **more: object) -> str:
        """A plain network of the same size, with the paper's optimiser and its loss for that activation."""
        settings = {
            "hidden": "/".join(map(str, self.hidden)), "activation": activation, "epochs": self.epochs, "batch": 100,
            "optimizer": "adadelta", "learning_rate": 1, "weight_decay": 0, "loss": _loss_of(activation),
        }  # fmt: skip
        return _typed("mlp", settings | more)


SCALES = {
    "digits": Scale("digits", (128, 128), 30, 64, 20, 0.3, 180, 100, 2),
    "mnist-128": Scale("mnist", (128, 128), 30, 128, 20, 0.3, 10_000, 200, 20),
    "paper": Scale("mnist", (512, 512, 512), 30, 128, 20, 0.3, 10_000, 200, 20),
}


Share = tuple[float, float, float, int]  # value, 95 % interval, examples


@dataclass
class Fact:
    """One statement. measured: what was found, by name.  holds: whether the values agree with it."""

    name: str
    claim: str
    measured: dict[str, Share]
    holds: bool


class Bench:
    """Runs one cell per folder and reads its accuracy back."""

    def __init__(self, scale: Scale, out: Path) -> None:
        self.scale, self.out = scale, out

    def accuracy(self, contender: str, attack: str = "none") -> Share:
        """Share right and unbroken under that attack, by exact gradients, as the paper attacks."""
        n = self.scale.n_clean if attack == "none" else self.scale.n
        chosen = ["-d", contender, "--no-twin"] if contender.startswith("rbfi") else ["-m", contender]
        asked = [
            "-D", self.scale.dataset, *chosen, "-a", attack, "--norm", "linf", "--eps", str(self.scale.eps),
            "--n", str(n), "--gradient", "exact", "--cell-timeout", "36000",
        ]  # fmt: skip
        folder = self.out / hashlib.sha256(" ".join(asked).encode()).hexdigest()[:12]
        print(f"  {contender} x {attack}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "advbench", "run", *asked, "-o", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        scores = pd.read_parquet(folder / "scores.parquet")
        row = scores[scores["metric"] == "robust-accuracy"].iloc[0]
        return float(row["value"]), float(row["low"]), float(row["high"]), int(row["n"])

    def ascent(self, contender: str, attack: str, **more: object) -> Share:
        """By an attack that ascends the loss with which the contender was trained."""
        loss = "ce" if "activation=relu" in contender else "square"
        return self.accuracy(contender, _typed(attack, {"loss": loss, **more}))

    def pgd(self, contender: str, **more: object) -> Share:
        """The paper's: AdaDelta, 100 steps."""
        return self.ascent(contender, "pgd", optimizer="adadelta", restarts=self.scale.restarts, **more)


def fact_a(bench: Bench) -> Fact:
    """Clean accuracies."""
    scale = bench.scale
    made = {"relu": scale.mlp("relu"), "rbfi": scale.rbfi(), "sigmoid": scale.mlp("sigmoid")}
    clean = {name: bench.accuracy(typed) for name, typed in made.items()}
    gap = abs(clean["rbfi"][0] - clean["sigmoid"][0])
    holds = clean["relu"][0] > clean["rbfi"][0] and gap < 0.005
    return Fact("a", "clean: ReLU above RBFI; RBFI and sigmoid within half a point", clean, holds)


def fact_b(bench: Bench) -> Fact:
    """One-step and iterated sign attacks."""
    scale = bench.scale
    made = {"relu": scale.mlp("relu"), "sigmoid": scale.mlp("sigmoid"), "rbfi": scale.rbfi()}
    found = {f"{n}, {a}": bench.ascent(t, a) for n, t in made.items() for a in ("fgsm", "ifgsm")}
    holds = all(v[0] > 0.9 if name.startswith("rbfi") else v[0] < 0.02 for name, v in found.items())
    return Fact("b", "FGSM and I-FGSM leave ReLU and sigmoid below 2 %, RBFI above 90 %", found, holds)


def fact_c(bench: Bench) -> Fact:
    """Noise against gradients."""
    rbfi = bench.scale.rbfi()
    found = {attack: bench.ascent(rbfi, attack) for attack in ("fgsm", "ifgsm")}
    found |= {"noise (one random corner)": bench.accuracy(rbfi, "random-noise:draws=1"), "pgd": bench.pgd(rbfi)}
    least = min(found["fgsm"][0], found["ifgsm"][0])
    holds = found["noise (one random corner)"][0] < least and found["pgd"][0] < least
    return Fact("c", "RBFI: noise and PGD leave less than FGSM and I-FGSM", found, holds)


def fact_d(bench: Bench) -> Fact:
    """PGD as released, and with its box mended."""
    scale = bench.scale
    found, weaker = {}, []
    for name in ("relu", "sigmoid"):
        typed = scale.mlp(name)
        found |= {f"{name}, {attack}": bench.ascent(typed, attack) for attack in ("fgsm", "ifgsm")}
        found[f"{name}, pgd as released"] = bench.pgd(typed, legacy_box="true")
        found[f"{name}, pgd"] = bench.pgd(typed)
        weaker.append(found[f"{name}, pgd as released"][0] > max(found[f"{name}, {a}"][0] for a in ("fgsm", "ifgsm")))
    return Fact("d", "ReLU and sigmoid: PGD as released is weaker than FGSM and I-FGSM", found, all(weaker))


def fact_e(bench: Bench) -> Fact:
    """Training by true gradients."""
    found = {kind: bench.accuracy(bench.scale.rbfi(gradient=kind)) for kind in ("true", "pseudo")}
    holds = found["true"][0] <= 0.85 < found["pseudo"][0]
    return Fact("e", "true gradients end at 85 % or below, pseudogradients above", found, holds)


def fact_f(bench: Bench) -> Fact:
    """Deep networks."""
    deep = replace(bench.scale, hidden=(bench.scale.deep,) * 5, epochs=bench.scale.deep_epochs)
    made = {"relu": deep.mlp("relu"), "rbfi": deep.rbfi("^v^v^v"), "sigmoid": deep.mlp("sigmoid")}
    found = {name: bench.accuracy(typed) for name, typed in made.items()}
    holds = found["relu"][0] > 0.9 and found["rbfi"][0] > 0.9 and found["sigmoid"][0] < 0.2
    return Fact("f", "five hidden layers: ReLU and RBFI train, sigmoid stays near chance", found, holds)


def fact_g(bench: Bench) -> Fact:
    """Kinds of layers."""
    found = {kinds: bench.accuracy(bench.scale.rbfi(kinds)) for kinds in ("^^^^", "vvvv", "****", "^v^v", "v^v^")}
    values = [value for value, *_ in found.values()]
    return Fact("g", "kinds of layers differ by half a point at most", found, max(values) - min(values) <= 0.005)


def fact_h(bench: Bench) -> Fact:
    """The bound on u and its regulariser."""
    made = {"u <= 3": {}, "u <= 10": {"u_high": 10}, "u <= 10, c = 1e-4": {"u_high": 10, "sensitivity": 1e-4}}
    found = {name: bench.pgd(bench.scale.rbfi(**more)) for name, more in made.items()}
    narrow, wide, mended = found.values()
    falls = wide[0] < narrow[1]  # by more than chance
    holds = falls and mended[0] - wide[0] > (narrow[0] - wide[0]) / 2
    return Fact("h", "PGD: u <= 10 holds less than u <= 3, and a small c regains most of it", found, holds)


def fact_i(bench: Bench) -> Fact:
    """Regularised ReLU."""
    found = {f"c = {c:g}": bench.accuracy(bench.scale.mlp("relu", sensitivity=c)) for c in (0, 1e-4, 1.0)}
    none, _, large = (value for value, *_ in found.values())
    return Fact("i", "ReLU with a large c does not learn", found, none > 0.9 and large < 0.2)


FACTS: dict[str, Callable[[Bench], Fact]] = {
    "a": fact_a, "b": fact_b, "c": fact_c, "d": fact_d, "e": fact_e, "f": fact_f, "g": fact_g, "h": fact_h,
    "i": fact_i,
}  # fmt: skip


def _typed(name: str, settings: dict[str, object]) -> str:
    return f"{name}:" + ",".join(f"{key}={value}" for key, value in settings.items())


def _loss_of(activation: str) -> str:
    return "ce" if activation == "relu" else "square"


def lines(fact: Fact) -> Iterator[str]:
    """One fact as text."""
    yield f"{fact.name}) {'reproduced' if fact.holds else 'NOT reproduced'}: {fact.claim}"
    for name, (value, low, high, n) in fact.measured.items():
        yield f"     {100 * value:6.2f} % [{100 * low:.2f}, {100 * high:.2f}]  n={n}  {name}"


def main() -> None:
    """Run the facts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scale", choices=SCALES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", action="append", choices=FACTS)
    chosen = parser.parse_args()
    bench, kept = Bench(SCALES[chosen.scale], chosen.out), chosen.out / "facts.json"
    record = json.loads(kept.read_text()) if kept.exists() else {}
    for name in chosen.only or FACTS:
        fact = FACTS[name](bench)
        print("\n".join(lines(fact)), flush=True)
        record[name] = asdict(fact)
        kept.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
