"""Models that scikit-learn trains: names, sources, and where this code leaves them."""

from __future__ import annotations

from advbench import Modality, ModelSpec, Paper

_NUMBERS = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
_SCD = "Defending against black-box adversarial attacks with gradient-free trained sign activation neural networks"
_SCD_URL = "https://openreview.net/forum?id=N07ebsD-lHp"

_SK_MLP = ModelSpec(
    name="sk-mlp",
    summary="scikit-learn's MLPClassifier with 20 logistic units, the MLP of the SCD papers",
    modalities=_NUMBERS,
    trials=("epochs=60", "epochs=60,votes=3,vote=hard", "epochs=20,votes=2,activation=tanh,solver=adam,hidden=12/8"),
    paper=Paper(
        title=_SCD,
        year=2021,
        url=_SCD_URL,
        deviations=(
            "the paper votes by 100; by default one network here",
            "the paper says majority; its released code averages the probabilities of MLPs while SCD and BNN count"
            " votes; vote=soft is as released, vote=hard as printed",
            "released code seeds each network with its number; here from the run's seed",
            "released code takes inputs as they are (pixels over 255); here pictures are scaled by their bounds, all"
            " else by one mean and one spread of the training split",
        ),
    ),
    revision=2,
)

_FOREST = ModelSpec(
    name="random-forest",
    summary="100 bootstrapped trees with at least 10 examples in a leaf, the RF of the SCD papers",
    modalities=_NUMBERS,
    trials=("trees=15", "trees=5,leaf=3,features=sqrt,votes=3", "trees=4,votes=2,vote=soft"),
    paper=Paper(
        title="Random forests",
        year=2001,
        url="https://doi.org/10.1023/A:1010933404324",
        deviations=(
            "the SCD paper credits the forest with random feature selection; its released code turns that off, and so"
            " does the default here: features=all",
            "scores are log((sum of probabilities + 1/2) / (trees + classes/2)), so that none is infinite",
        ),
    ),
)

_BOOSTING = ModelSpec(
    name="gradient-boosting",
    summary="gradient boosting of 100 stages of trees of depth 3, scikit-learn's",
    modalities=_NUMBERS,
    trials=("stages=15", "stages=5,depth=2,leaf=4,subsample=.7,votes=3", "stages=4,subsample=.7,votes=2,vote=soft"),
    paper=Paper(
        title="Greedy function approximation: a gradient boosting machine",
        year=2001,
        url="https://doi.org/10.1214/aos/1013203451",
    ),
)

OTHERS = (
    (_SK_MLP, "sk_mlp:SkMlp"),
    (_FOREST, "forests:RandomForest"),
    (_BOOSTING, "forests:GradientBoosting"),
)
