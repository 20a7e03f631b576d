"""What `advbench list` reads: no torch here; the attack is imported when it is chosen."""

from advbench import Access, AttackSpec, Modality, Norm, Register, hookimpl

SPEC = AttackSpec(
    name="random-walk",
    summary="walks from noise that succeeds towards the input, as far as labels allow",
    needs=Access.LABELS,
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    norms=frozenset({Norm.L2}),
    targeted=True,
    batched=True,
    trials=("steps=300",),  # how the conformance kit tries it: quick, and all of the code is reached
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """One attack."""
    register(SPEC, "advbench_example.attack:RandomWalkAttack")
