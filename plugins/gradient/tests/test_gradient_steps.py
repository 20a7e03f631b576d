"""Optimisers against torch's and scipy's, and schedules against the papers'."""

import pytest
import torch
from gradient_oracle import attack, oracle_for
from known_victims import UNIT, box_optimum, distance, edgy, inner, labels_of, linear, smooth

from advbench import Norm
from advbench.testing import streams
from advbench_gradient.adam import Adam
from advbench_gradient.apgd import Apgd, checkpoints
from advbench_gradient.ascent import AdaDelta, Momentum, Plain
from advbench_gradient.cw import CarliniWagner
from advbench_gradient.history import History
from advbench_gradient.iterative import Ifgsm, Mim, Pgd
from advbench_gradient.jsma import Jsma
from advbench_gradient.radius import Bracket
from advbench_gradient.single_step import Fgsm


def gradients(steps=12, rows=3, d=5):
    return torch.randn(steps, rows, d, generator=torch.Generator().manual_seed(0))


def test_adadelta_is_torchs():
    free = torch.nn.Parameter(torch.zeros(3, 5))
    theirs = torch.optim.Adadelta([free], lr=1.0, rho=0.9, eps=1e-6, maximize=True)
    ours, point, rows = AdaDelta(free.detach(), width=1.0), torch.zeros(3, 5), torch.arange(3)
    for grad in gradients():
        free.grad = grad.clone()
        theirs.step()
        point = point + ours.step(grad, point, rows)
        assert torch.allclose(point, free.detach(), atol=1e-7)


def test_adam_is_torchs():
    free = torch.nn.Parameter(torch.zeros(3, 5))
    theirs = torch.optim.Adam([free], lr=0.01)
    ours, point, rows = Adam(free.detach(), 0.01), torch.zeros(3, 5), torch.arange(3)
    for grad in gradients():
        free.grad = grad.clone()
        theirs.step()
        point = point + ours.step(grad, rows)
        assert torch.allclose(point, free.detach(), atol=1e-6)


def test_adadelta_reckons_in_units_of_the_range():
    grads, rows = gradients(), torch.arange(3)
    narrow, wide = AdaDelta(grads[0], 1.0), AdaDelta(grads[0], 4.0)
    for grad in grads:
        assert torch.allclose(4 * narrow.step(grad, grad, rows), wide.step(grad / 4, grad, rows), rtol=1e-5)


def test_momentum_sums_normalised_gradients():
    first, second = torch.tensor([[3.0, -1.0]]), torch.tensor([[-1.0, -1.0]])
    stepper = Momentum(Plain(Norm.L2, torch.ones(1, 1), None), first, decay=0.5)
    rows = torch.arange(1)
    stepper.step(first, first, rows)
    found = stepper.step(second, first, rows)
    total = torch.tensor([[0.375 - 0.5, -0.125 - 0.5]])
    assert torch.allclose(found, total / total.norm())


def test_one_small_step_is_the_fast_one_and_one_of_mim_is_it_too():
    network, x = smooth(), torch.rand(5, 12, generator=torch.Generator().manual_seed(1))
    last = attack(Fgsm(returns="last"), network, x, Norm.LINF, 0.1, classes=3).x
    assert torch.equal(last, attack(Ifgsm(steps=1, returns="last"), network, x, Norm.LINF, 0.1, classes=3).x)
    walk = Pgd(steps=1, restarts=1, random_start=False, step=0.1, returns="last")
    assert torch.equal(last, attack(walk, network, x, Norm.LINF, 0.1, classes=3).x)
    assert float((last - x).abs().max()) == pytest.approx(0.1, abs=1e-6)


def test_momentum_without_memory_is_the_plain_walk():
    network, x = smooth(), torch.rand(5, 12, generator=torch.Generator().manual_seed(1))
    one = attack(Mim(decay=0.0), network, x, Norm.LINF, 0.3, classes=3)
    assert torch.equal(one.x, attack(Ifgsm(), network, x, Norm.LINF, 0.3, classes=3).x)


def test_a_grid_has_the_spacing_that_its_top_gives_and_ends_at_the_first_success():
    """Thesis, Table 4: the smallest eps of the grid that works."""
    network, w = linear()
    x = inner()
    needed = box_optimum(w, x, Norm.LINF)
    oracle = oracle_for(network, x, Norm.LINF)
    answer = Ifgsm(grid=50, top=0.25).perturb(oracle, x, streams(len(x)))
    tried = (needed / 0.005).ceil()
    found = distance(answer.x, x, Norm.LINF)  # every step is looked at, so that the last tenths may be saved
    assert bool((found <= tried * 0.005 + 1e-6).all())
    assert bool((found >= tried * 0.0045 - 1e-6).all())
    assert (oracle.gradients <= tried * 10).all()
    assert (oracle.gradients > (tried - 1) * 10).all()


def test_rows_in_tanh_space_do_not_depend_on_their_place():
    network, x = smooth(), torch.rand(7, 12, generator=torch.Generator().manual_seed(1))
    component = CarliniWagner(box="tanh", steps=20, searches=3)
    together = attack(component, network, x, Norm.L2, classes=3).x
    for some in ([0], [3, 5], [6, 1, 2]):
        assert torch.equal(attack(component, network, x[some], Norm.L2, classes=3).x, together[some])


def test_checkpoints_are_those_of_the_paper():
    # Croce and Hein 2020, section 3.1: p = 0, .22, .41, .57, .70, .80, .87, .93, .99
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_auto_pgd_settles_where_fixed_steps_bounce():
    """On a linear victim with features at their bounds it comes closer to the largest loss there is."""
    network, w = linear(64)
    x = edgy(12)
    optimum = box_optimum(w, x, Norm.L2)
    share = []
    for component in (Pgd(steps=30, restarts=1, step=0.3), Apgd(steps=30, restarts=1)):
        broken = [
            bool(labels_of(network, attack(component, network, x[i : i + 1], Norm.L2, float(optimum[i]) * 1.01).x)
                 != labels_of(network, x[i : i + 1]))
            for i in range(len(x))
        ]  # fmt: skip
        share.append(sum(broken))
    assert share[1] > share[0] + 2
    assert share[1] >= 11


def test_the_two_loops_invert_a_quadratics_curvature():
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(2, 4, 4, generator=generator, dtype=torch.float64)
    curvature = root @ root.transpose(1, 2) + torch.eye(4, dtype=torch.float64)
    history, rows = History(torch.zeros(2, 4, dtype=torch.float64), 10), torch.arange(2)
    # Along conjugate directions, as exact line searches give them, d pairs tell everything.
    _, vectors = torch.linalg.eigh(curvature)
    for i in range(4):
        step = vectors[:, :, i]
        history.add(rows, step, (curvature @ step[:, :, None])[:, :, 0])
    grad = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    exact = torch.linalg.solve(curvature, grad)
    assert torch.allclose(history.apply(rows, grad), exact, atol=1e-9)


def test_pairs_without_curvature_are_not_remembered():
    history = History(torch.zeros(1, 3), 2)
    history.add(torch.arange(1), torch.ones(1, 3), -torch.ones(1, 3))
    assert torch.equal(history.apply(torch.arange(1), torch.ones(1, 3)), torch.full((1, 3), 0.5))


def test_a_bracket_climbs_until_something_works_and_halves_then():
    bracket = Bracket.start(torch.ones(2))
    tried = []
    for _ in range(8):
        tried.append(bracket.now.tolist())
        bracket.advance(torch.arange(2), bracket.now > torch.tensor([30.0, 0.3]), 10.0)
    assert [row[0] for row in tried[:4]] == [1.0, 10.0, 100.0, 55.0]
    assert bracket.high.tolist() == pytest.approx([30.0, 0.3], rel=0.1)


def test_jsma_changes_the_feature_that_tells_most():
    network, w = linear(16)
    x = inner(4)
    answer = attack(Jsma(features=1), network, x, Norm.L0)
    assert (labels_of(network, answer.x) != labels_of(network, x)).all()
    first = (answer.x - x).abs().gt(0)
    assert first[:, w.abs().argmax()].all()
    changed = answer.x[first]
    assert ((changed == 0) | (changed == 1)).all(), "a whole range at once"


def test_jsma_raises_only_if_told_so_and_pairs_come_in_twos():
    network, _ = linear(16)
    x = inner(4)
    up = attack(Jsma(change="up"), network, x, Norm.L0).x
    assert float((up - x).min()) == 0.0
    down = attack(Jsma(change="down"), network, x, Norm.L0).x
    assert float((down - x).max()) == 0.0
    pairs = attack(Jsma(features=2), network, x, Norm.L0).x
    assert ((pairs != x).sum(dim=1) % 2 == 0).all()
    assert bool((pairs != x).any())


def test_jsma_never_changes_more_than_eps_or_its_share():
    network, w = linear(16)
    x = torch.where(w > 0, 0.9, 0.1).expand(4, 16).contiguous()  # far from the boundary
    for component, eps in ((Jsma(), 2.0), (Jsma(share=0.125), None)):
        oracle = oracle_for(network, x, Norm.L0, eps)
        seen = []
        ask = oracle.value_and_grad
        oracle.value_and_grad = lambda points, loss, rows, ask=ask, seen=seen: (
            seen.append((points - x[rows]).abs().gt(1e-6).sum(dim=1).max()),
            ask(points, loss, rows),
        )[1]
        component.perturb(oracle, x, streams(4))
        assert max(int(count) for count in seen) == 2


def test_distances_of_the_grid_are_within_one_step_of_the_exact_one():
    network, w = linear()
    x = inner()
    answer = attack(Fgsm(grid=500), network, x, Norm.LINF)
    gap = distance(answer.x, x, Norm.LINF) - box_optimum(w, x, Norm.LINF)
    assert float(gap.max()) <= UNIT.width / 500 + 1e-6
    coarse = attack(Fgsm(grid=500, top=0.02), network, x, Norm.LINF)
    moved = (coarse.x != x).any(dim=1)
    assert moved.tolist() == (box_optimum(w, x, Norm.LINF) < 0.02).tolist()
    assert 0 < int(moved.sum()) < len(x)
