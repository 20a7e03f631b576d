"""What this plugin offers."""

from __future__ import annotations

from advbench import EncoderSpec, Modality, ModelSpec, Paper

_TEXT = frozenset({Modality.TEXT})

ENCODERS = (
    (
        EncoderSpec(
            name="mean-embedding",
            summary="mean of the GloVe vectors of a text's words",
            paper=Paper(
                title="GloVe: Global Vectors for Word Representation",
                year=2014,
                url="https://aclanthology.org/D14-1162/",
                deviations=(
                    "scd-sign-networks 3.4: 200 numbers a word; default here: 100, the size that a package carries",
                ),
            ),
        ),
        "mean_embedding:MeanEmbedding",
    ),
    (
        EncoderSpec(
            name="minilm",
            summary="sentence vectors of all-MiniLM-L6-v2, 384 numbers",
            paper=Paper(
                title="MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Transformers",
                year=2020,
                url="https://arxiv.org/abs/2002.10957",
            ),
        ),
        "minilm:MiniLm",
    ),
)

MODELS = (
    (
        ModelSpec(
            name="word-cnn",
            summary="convolutions over word vectors, their largest answers, one layer",
            modalities=_TEXT,
            trials=("filters=16,epochs=20,learning_rate=0.01",),
            paper=Paper(
                title="Convolutional Neural Networks for Sentence Classification",
                year=2014,
                url="https://arxiv.org/abs/1408.5882",
                deviations=(
                    "paper: word2vec of 300 numbers, also trained on; here: GloVe, fixed, so that all its words count",
                    "paper: Adadelta, norm of the last layer at most 3; here: Adam with weight decay",
                ),
            ),
        ),
        "word_cnn:WordCnn",
    ),
    (
        ModelSpec(
            name="bag-of-words",
            summary="logistic regression on which words a text holds; importances have a closed form",
            modalities=_TEXT,
        ),
        "bag_of_words:BagOfWords",
    ),
    (
        ModelSpec(
            name="huggingface",
            summary="a trained sequence classifier in a local folder, as transformers saves it",
            modalities=_TEXT,
        ),
        "huggingface:HuggingFace",
    ),
)
