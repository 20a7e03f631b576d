"""RBFI: networks of Gaussian units in the infinity norm, trained with pseudogradients."""

from __future__ import annotations

from advbench import DefenseSpec, Modality, Paper, Register, hookimpl

SPEC = DefenseSpec(
    name="rbfi",
    summary="networks of units that see one input at a time: exp(-max (u (x - w))^2), trained with pseudogradients",
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    base="none",
    revision=2,
    twin="mlp:hidden=512/512/512,optimizer=adadelta,learning_rate=1,weight_decay=0,epochs={epochs},batch={batch}",
    trials=(
        "24^,v,epochs=15",
        "16*,8v,^,epochs=25,gradient=pseudo-exp,sensitivity=1e-4,u_high=10",
        "24^,v,epochs=15,norm=l2",
    ),
    excused={
        "check_gradients_belong_to_their_losses": "the paper's pseudogradient is by construction the slope of no"
        " function; the exact gradient is held to the scores by another check",
    },
    paper=Paper(
        title="Neural networks with structural resistance to adversarial attacks (de Alfaro)",
        year=2018,
        url="https://arxiv.org/abs/1809.09262",
        deviations=(
            "paper: no learning rate of AdaDelta, no batch, no initial weights; released code and default: 5, 100,"
            " w even in its range and u in [.2, .7]",
            "the lower bound of u is lost from the printed text; released training and default: .01",
            "released code can go over from pseudogradients to true ones after some epochs; here one kind throughout",
            "released code: the sensitivity term of one network uses the pseudo-maximum, of another the true one; here"
            " the true one",
            "paper: the class of the largest output; here of its logarithm, which also ranks outputs that round to 1",
            "scores are logs of the outputs: attacks of the paper ascend loss=square, on gradient=exact",
            "surrogate: the last layer's And units keep the true derivative of their logarithm, -1, where the"
            " pseudoderivative over the output would overflow",
            "released PGD's box lacks a sign: pgd:legacy_box=true; it moves the paper's PGD column",
            "inputs are scaled to [0, 1] by the bounds of the data; paper: MNIST has them there",
            "certificates by interval propagation are not in the paper",
        ),
    ),
)


@hookimpl
def advbench_register_defenses(register: Register) -> None:
    """One defense."""
    register(SPEC, "advbench_rbfi.defense:Rbfi")
