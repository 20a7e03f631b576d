"""For tests of plugins: the conformance kit, and toys with known answers."""

from .conformance import conformance
from .streams import streams
from .toy_attacks import (
    BoastfulAttack,
    DiggingAttack,
    FlawedAttack,
    NestedAttack,
    PreparedAttack,
    ScribblingAttack,
    SilentAttack,
    SlopeAttack,
    SpendthriftAttack,
    StepAttack,
)
from .toys import (
    BOUNDS,
    AbstainingContender,
    ConstantContender,
    LabelsOnly,
    LinearContender,
    NeighbourlyContender,
    NoisyContender,
    RoundingContender,
    RoundingDefense,
    SurrogateContender,
    TextContender,
    ThresholdContender,
    TreeContender,
    TreeModel,
    grid_examples,
    grid_facts,
)

__all__ = [
    "BOUNDS", "AbstainingContender", "BoastfulAttack", "ConstantContender", "DiggingAttack", "FlawedAttack",
    "LabelsOnly", "LinearContender", "NeighbourlyContender", "NestedAttack", "NoisyContender", "PreparedAttack",
    "RoundingContender", "RoundingDefense", "ScribblingAttack", "SilentAttack", "SlopeAttack",
    "SpendthriftAttack", "StepAttack", "SurrogateContender", "TextContender", "ThresholdContender", "TreeContender",
    "TreeModel", "conformance", "grid_examples", "grid_facts", "streams",
]  # fmt: skip
