"""Which example is where never changes: resuming, comparing and auditing reports rest on it."""

from __future__ import annotations

import itertools

import torch

from advbench import Examples

from ..bout import select
from ..data import SPLITS, contents, fresh, rows, unequal
from ..findings import DoesNotApply, require
from ..subject import Subject
from ..variants import variants

MANY = 20_000  # examples of a split that are read a second time


def check_ids_are_unique(subject: Subject) -> None:
    """One id, one example, over all splits: rows of reports are joined by it."""
    splits = subject.once(contents).splits
    for split, examples in splits.items():
        twice = len(examples) - len(set(examples.ids.tolist()))
        require(not twice, f"{twice} of {len(examples)} ids of {split} are there twice.", "Number the examples.")


def check_splits_are_disjoint(subject: Subject) -> None:
    """What is attacked was not trained on."""
    splits = subject.once(contents).splits
    for one, other in itertools.combinations(splits, 2):
        shared = int(torch.isin(splits[one].ids, splits[other].ids).sum())
        require(not shared, f"{shared} ids are in {one} and in {other}.", "Cut the splits from one list of ids.")


def check_no_input_is_in_train_and_eval(subject: Subject) -> None:
    """An example that was trained on under another id was seen all the same."""
    splits = subject.once(contents).splits
    known = set(rows(splits["train"].x))
    twins = sum(row in known for row in rows(splits["eval"].x))
    require(
        not twins,
        f"{twins} of {len(splits['eval'])} inputs of eval are in train too, number by number.",
        "Keep equal inputs in one split; if the published splits have them, excuse this check with the count.",
    )


def check_loading_again_gives_the_same(subject: Subject) -> None:
    """A second instance gives the same ids, inputs and labels in the same order."""
    splits, other = subject.once(contents).splits, fresh(subject)
    for split in SPLITS:
        told = unequal(splits[split], other.load(split))
        require(not told, f"Loaded again, {split} differs in {told}.", "Draw nothing, and fix the order of files.")


def check_positions_give_those_rows(subject: Subject) -> None:
    """A part is the same as that part of the whole: shards and workers load parts."""
    splits = subject.once(contents).splits
    for split, whole in splits.items():
        index = torch.arange(0, min(len(whole), MANY), 3)
        _require_part(subject, split, whole, index)
        _require_part(subject, split, whole, index[:0])


def check_order_of_positions_is_kept(subject: Subject) -> None:
    """Examples come in the order asked for, not in that of the files."""
    whole = subject.once(contents).splits["eval"]
    index = torch.arange(min(len(whole), MANY)).flip(0)[::2]
    _require_part(subject, "eval", whole, index)


def check_labels_are_those_of_the_examples(subject: Subject) -> None:
    """labels(split), read without inputs, is what load(split) says: examples are chosen by it."""
    for split, examples in subject.once(contents).splits.items():
        found = subject.instance.labels(split)
        require(
            len(found) == len(examples), f"labels('{split}') has {len(found)} of {len(examples)} examples.",
            "Read them from one place.",
        )  # fmt: skip
        wrong = int((found != examples.y).sum())
        require(
            not wrong,
            f"{wrong} of {len(examples)} labels of {split} are not those of its examples.",
            "Keep the order and the relabelling of `load`.",
        )


def check_returned_tensors_are_the_callers(subject: Subject) -> None:
    """Whoever changes what was loaded changes nothing for the next one."""
    whole = subject.once(contents).splits["eval"]
    before = Examples(whole.ids.clone(), whole.x if isinstance(whole.x, tuple) else whole.x.clone(), whole.y.clone())
    try:
        loaded = subject.instance.load("eval")
        for tensor in (loaded.ids, loaded.x, loaded.y, subject.instance.labels("eval")):
            if isinstance(tensor, torch.Tensor):
                tensor.add_(1)
        told = unequal(before, subject.instance.load("eval"))
        labels = int((subject.instance.labels("eval") != before.y).sum())
    finally:
        _undo(subject, before)
    require(
        not told and not labels,
        f"After one reader wrote into its tensors the next finds {told or f'{labels} labels'} changed.",
        "Return copies: indexing by a tensor makes one, a slice does not.",
    )


def check_sizes_are_true(subject: Subject) -> None:
    """facts().sizes says how many examples each split has: plans are made from it."""
    found = subject.once(contents)
    said = dict(found.facts.sizes)
    real = {split: len(examples) for split, examples in found.splits.items()}
    require(said == real, f"Its facts say {said}; there are {real}.", "Count after choosing classes.")


def check_every_class_is_in_every_split(subject: Subject) -> None:
    """Labels are 0 to K-1, and each of them is there to be learnt, tuned on and attacked."""
    found = subject.once(contents)
    classes = found.facts.classes
    for split, examples in found.splits.items():
        if not len(examples) and split == "tune":
            continue
        seen = set(examples.y.tolist())
        absent = sorted(set(range(classes)) - seen)
        strange = sorted(seen - set(range(classes)))
        require(not strange, f"{split} has the labels {strange[:5]}; classes are 0 to {classes - 1}.", "Relabel.")
        require(
            not absent, f"{split} has no example of {len(absent)} of {classes} classes, first {absent[:1]}.",
            "Cut every class by the same shares.",
        )  # fmt: skip


def check_digest_is_stable(subject: Subject) -> None:
    """Equal parameters give an equal digest: it is part of every cell's id."""
    one, other = subject.once(contents).facts.digest, fresh(subject).facts().digest
    require(bool(one) and one == other, f"Its digest is {one!r}, then {other!r}.", "Hash the examples, not the object.")


def check_digest_follows_the_examples(subject: Subject) -> None:
    """Other parameters that give other examples give another digest, or reports would mix the two."""
    here = subject.once(contents)
    tried = 0
    for text, other in variants(subject):
        told = unequal(here.splits["eval"], other.load("eval")) or unequal(here.splits["train"], other.load("train"))
        tried += bool(told)
        require(
            not told or other.facts().digest != here.facts.digest,
            f"With {text} {told} differ, and the digest is the same, {here.facts.digest[:12]}.",
            "Hash every parameter that changes the examples.",
        )
    if not tried:
        raise DoesNotApply("no other parameters were found that change its examples")


def _require_part(subject: Subject, split: str, whole: Examples, index: torch.Tensor) -> None:
    part = subject.instance.load(split, index.tolist())
    told = unequal(select(whole, index), part)
    require(
        not told,
        f"Of {len(index)} positions of {split}, from {index[:2].tolist()} on, load() gives other rows: {told}.",
        "Give positions[i] as row i, counted within the split and after choosing classes.",
    )


def _undo(subject: Subject, before: Examples) -> None:
    """Put the shared tensors of a broken data set back, so that only this check fails."""
    after = subject.instance.load("eval")
    for mine, theirs in ((before.ids, after.ids), (before.x, after.x), (before.y, after.y)):
        if isinstance(mine, torch.Tensor) and isinstance(theirs, torch.Tensor):
            theirs.copy_(mine)
    subject.instance.labels("eval").copy_(before.y)
