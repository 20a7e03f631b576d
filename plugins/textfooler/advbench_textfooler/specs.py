"""What this plugin offers."""

from __future__ import annotations

from typing import Any

from advbench import Access, AttackSpec, Modality, Norm, Paper

_COMMON: dict[str, Any] = {
    "needs": Access.SCORES, "modalities": frozenset({Modality.TEXT}), "norms": frozenset({Norm.WORDS}), "batched": True,
}  # fmt: skip

ATTACKS = (
    (
        AttackSpec(
            name="textfooler",
            summary="important words replaced by near ones of the same part of speech, while the text stays alike",
            trials=("sentence=none", "paper,sentence=none", "textattack,sentence=none,neighbours=5"),
            paper=Paper(
                title="Is BERT Really Robust? A Strong Baseline for Natural Language Attack on Text Classification and"
                " Entailment (Jin et al.)",
                year=2020,
                url="https://arxiv.org/abs/1907.11932",
                deviations=(
                    "preset=paper is Algorithm 1 with the two thresholds of .7 that are printed; default: the released"
                    " code with .5 and .5, which its author says gives the paper's numbers",
                    "paper: Universal Sentence Encoder; default: MiniLM by package. Its similarities are others, and"
                    " the thresholds are not made for it",
                    "paper: counter-fitted Paragram-SL999 vectors; default: GloVe's 40,000 most frequent words, 100"
                    " numbers, counter-fitted here with WordNet. vectors=FILE takes the authors'",
                    "paper: NLTK's tagger; here: one of the same kind, marks of punctuation included",
                    "released code: 266 stop words; here: a list of its own, by class",
                    "released code: all in small letters and split at white space, punctuation counted as words; here:"
                    " words as they stand, and a replacement takes over capitals",
                    "released code: in short texts some windows begin before the text and are cut; here they are whole",
                    "released code compares all candidates; here only those on which the choice depends, with equal"
                    " choices",
                    "preset=textattack: repeated texts are queries too",
                ),
            ),
            **_COMMON,
        ),
        "textfooler:TextFooler",
    ),
    (
        AttackSpec(
            name="pwws",
            summary="WordNet synonyms, in the order of saliency times gain",
            paper=Paper(
                title="Generating Natural Language Adversarial Examples through Probability Weighted Word Saliency"
                " (Ren et al.)",
                year=2019,
                url="https://aclanthology.org/P19-1103/",
                deviations=(
                    "paper: named entities are exchanged for others of their kind; here only words are replaced",
                    "words are looked up as they stand: an inflected word that WordNet does not list stays",
                    "synonyms of one word only; released code also asks that the fine tag be equal",
                ),
            ),
            **_COMMON,
        ),
        "pwws:Pwws",
    ),
    (
        AttackSpec(name="text-random", summary="control: random words replaced by random near words", **_COMMON),
        "text_random:TextRandom",
    ),
    (
        AttackSpec(name="word-deletion", summary="control: the most important words left out", **_COMMON),
        "word_deletion:WordDeletion",
    ),
)
