"""Bit depth: a trained model behind inputs rounded to few grey levels."""

from advbench import DefenseSpec, Modality, Paper, Register, hookimpl

SPEC = DefenseSpec(
    name="bit-depth",
    summary="rounds inputs to 2^bits levels before a trained model sees them",
    modalities=frozenset({Modality.IMAGE}),
    base="trained",
    paper=Paper(
        title="Feature squeezing: detecting adversarial examples in deep neural networks (Xu et al.)",
        year=2018,
        url="https://arxiv.org/abs/1704.01155",
        deviations=("paper: compares answers with and without squeezing to detect attacks; here only the squeezing",),
    ),
)


@hookimpl
def advbench_register_defenses(register: Register) -> None:
    """One defense; its class is imported when it is chosen or shown."""
    register(SPEC, "advbench_bit_depth.defense:BitDepth")
