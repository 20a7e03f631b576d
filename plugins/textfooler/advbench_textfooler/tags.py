"""Parts of speech: the Penn Treebank's tags as the twelve universal ones (Petrov, Das and McDonald 2012)."""

from __future__ import annotations

from types import MappingProxyType

_GROUPS = {
    "NOUN": "NN NNS NNP NNPS",
    "VERB": "VB VBD VBG VBN VBP VBZ MD",
    "ADJ": "JJ JJR JJS",
    "ADV": "RB RBR RBS WRB",
    "PRON": "PRP PRP$ WP WP$ EX",
    "DET": "DT PDT WDT",
    "ADP": "IN",
    "NUM": "CD",
    "CONJ": "CC",
    "PRT": "RP TO POS",
    ".": ". , : `` '' $ # -LRB- -RRB- ( )",
}
_UNIVERSAL = MappingProxyType({tag: group for group, tags in _GROUPS.items() for tag in tags.split()})
_VERBS_AND_NOUNS = frozenset({"NOUN", "VERB"})


def universal(tag: str) -> str:
    """One of twelve; X for foreign words, symbols and what is unknown."""
    return _UNIVERSAL.get(tag, "X")


def may_stand_for(new: str, old: str) -> bool:
    """Whether a word of the universal tag `new` may replace one of `old`: equal, or one a verb and one a noun."""
    return new == old or {new, old} <= _VERBS_AND_NOUNS
