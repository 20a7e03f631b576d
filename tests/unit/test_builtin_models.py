"""Plain networks: true gradients, repeatable training, states that answer equally, known optima."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advbench import Access, Bounds, ContestError, DatasetFacts, Examples, Modality, Norm, TorchContender
from advbench.bench.packing import pack_state, unpack_state
from advbench.builtin.datasets import BreastCancer, Digits
from advbench.builtin.models import HardVotes, Linear, MeanProbability, Mlp, VotedNetwork, sensitivity_bound
from advbench.testing import RoundingDefense, TreeModel

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import global_states, job, play

DATA = Digits(classes=(3, 8))
EVAL = DATA.load("eval")
KINDS = {
    "linear": Linear(epochs=3),
    "mlp": Mlp(hidden=(16, 8), epochs=3, activation="tanh"),
    "soft": Mlp(hidden=(8,), votes=7, epochs=2),
    "hard": Mlp(hidden=(8,), votes=7, vote="hard", activation="sigmoid", epochs=2),
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    torch.set_num_threads(1)


def made(sizes=(64, 8, 3), votes=5, activation="tanh", seed=0):
    network = VotedNetwork(sizes, votes, activation, torch.Generator().manual_seed(seed))
    for bias in network.biases:
        bias.data.normal_(generator=torch.Generator().manual_seed(seed + 1))
    return MeanProbability(network)


@pytest.mark.parametrize("sizes", [(64, 8, 3), (3, 2), (5, 4, 2), (64, 2)])
@pytest.mark.parametrize("votes", [1, 5])
def test_votes_are_networks_side_by_side(sizes, votes):
    module = made(sizes, votes)
    x = torch.rand(9, sizes[0], generator=torch.Generator().manual_seed(1))
    probabilities = []
    for vote in range(votes):
        value = x
        for i, (weight, bias) in enumerate(zip(module.network.weights, module.network.biases, strict=True)):
            value = value @ weight[vote] + bias[vote]
            value = value.tanh() if i < len(sizes) - 2 else value
        probabilities.append(value.softmax(dim=1))
    torch.testing.assert_close(module(x), torch.stack(probabilities).mean(dim=0).log())


@pytest.mark.parametrize("sizes", [(6, 8, 3), (3, 2), (5, 4, 2)])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("votes", [1, 5])
def test_gradients_are_slopes_in_double_precision(sizes, activation, votes):
    contender = TorchContender(made(sizes, votes, activation).double())
    x = torch.rand(4, sizes[0], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    _, grad = contender.value_and_grad(x, lambda scores: scores[:, 0] - 2 * scores[:, 1])
    for feature in range(sizes[0]):
        step = torch.zeros_like(x)
        step[:, feature] = 1e-6
        up, down = contender.scores(x + step), contender.scores(x - step)
        slope = ((up[:, 0] - down[:, 0]) - 2 * (up[:, 1] - down[:, 1])) / 2e-6
        torch.testing.assert_close(grad[:, feature], slope, rtol=1e-6, atol=1e-8)


def test_hard_votes_are_counted():
    model = Mlp(votes=5, vote="hard")
    contender = HardVotes(made(), model.facts())
    x = torch.rand(50, 64, generator=torch.Generator().manual_seed(1)) * 4 - 2
    winners = contender.module.network(x).argmax(dim=2)
    counts = torch.stack([(winners == c).sum(dim=1) for c in range(3)], dim=1)
    torch.testing.assert_close(contender.scores(x), ((counts + 0.5) / 6.5).log())
    assert len(counts.unique(dim=0)) > 5
    tied = counts.sort(dim=1, descending=True).values
    tied = tied[:, 0] == tied[:, 1]
    assert tied.any()
    lowest = [row.index(max(row)) for row in counts.tolist()]
    assert contender.labels(x).tolist() == lowest


def test_the_largest_margin_of_hard_votes_is_as_stated():
    model = Mlp(votes=5, vote="hard")
    facts = model.facts()
    one_sided = made((64, 2))
    one_sided.network.biases[0].data[:] = torch.tensor([100.0, -100.0])
    scores = HardVotes(one_sided, facts).scores(torch.zeros(1, 64))
    assert float(scores[0, 0] - scores[0, 1]) == pytest.approx(facts.largest_margin)
    assert facts.largest_margin == math.log(11)
    assert (facts.access, facts.gradients, facts.stochastic) == (Access.GRADIENTS, ("surrogate",), False)
    soft = replace(facts, gradients=("exact",), largest_margin=math.inf, float64=True)
    assert soft == Mlp().facts() == Linear().facts()


def test_the_gradient_of_hard_votes_is_that_of_the_mean_probability():
    hard, soft = HardVotes(made(), Mlp(vote="hard").facts()), TorchContender(made())
    x = EVAL.x[:5]
    for one, other in zip(
        hard.value_and_grad(x, lambda scores: scores[:, 1], gradient="surrogate"),
        soft.value_and_grad(x, lambda scores: scores[:, 1]),
        strict=True,
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", KINDS)
def test_a_state_survives_storage_and_answers_bit_by_bit(name):
    contender = KINDS[name].fit(job(DATA))
    restored = KINDS[name].restore(unpack_state(pack_state(contender.state())), job(DATA, seed=9))
    assert torch.equal(restored.scores(EVAL.x), contender.scores(EVAL.x))
    gradient = contender.facts.gradients[0]
    ask = [one.value_and_grad(EVAL.x, lambda s: s[:, 0], gradient=gradient)[1] for one in (contender, restored)]
    assert torch.equal(*ask)
    assert restored.facts == contender.facts == KINDS[name].facts()


@pytest.mark.parametrize("name", KINDS)
def test_training_repeats_for_a_seed_and_differs_for_another(name):
    before = global_states()
    logs = [[], [], []]
    fitted = [
        KINDS[name].fit(job(DATA, seed=seed, log=lambda row, log=log: log.append(row)))
        for seed, log in zip((0, 0, 1), logs, strict=True)
    ]
    scores = [contender.scores(EVAL.x) for contender in fitted]
    assert torch.equal(scores[0], scores[1])
    weights = [contender.state().arrays["network.weights.0"] for contender in fitted]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert [row["loss"] for row in logs[0]] == [row["loss"] for row in logs[1]]
    assert [row["epoch"] for row in logs[0]] == list(range(KINDS[name].epochs if name != "linear" else 3))
    assert global_states() == before


def test_votes_start_and_train_apart():
    weights = Mlp(hidden=(8,), votes=4, epochs=1).fit(job(DATA)).state().arrays["network.weights.0"]
    assert len({tuple(vote.flatten().tolist()) for vote in weights}) == 4


@pytest.mark.parametrize(("model", "data", "least"), [
    (Linear(), BreastCancer(), 0.95), (Mlp(epochs=30), BreastCancer(), 0.95), (Linear(epochs=30), DATA, 0.9),
    (Mlp(epochs=30), DATA, 0.95),
])  # fmt: skip
def test_they_learn(model, data, least):
    told = []
    contender = model.fit(job(data, progress=lambda done, total: told.append((done, total))))
    held_out = data.load("eval")
    assert float((contender.labels(held_out.x) == held_out.y).float().mean()) >= least
    assert told == [(k + 1, model.epochs) for k in range(model.epochs)]


@pytest.mark.parametrize(("activation", "slope"), [("relu", 1), ("tanh", 1), ("sigmoid", 0.25)])
def test_no_logit_moves_faster_than_the_bound_on_sensitivity(activation, slope):
    network = made((6, 8, 3), votes=4, activation=activation).network
    first, last = (weight.detach().abs() for weight in network.weights)
    by_hand = torch.stack([(first[vote].sum(dim=0) * slope @ last[vote]).max() for vote in range(4)])
    bound = sensitivity_bound(network).detach()
    torch.testing.assert_close(bound, by_hand)
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(500, 6, generator=generator) * 2 - 1
    moves = torch.where(torch.rand(500, 6, generator=generator) < 0.5, -0.01, 0.01)
    speed = (network(x + moves) - network(x)).detach().abs().amax(dim=(0, 2)) / 0.01
    assert (speed <= bound * (1 + 1e-4)).all()
    assert (speed > bound * 0.1).all(), "a bound that nothing comes near would hold for any formula"


def test_the_regulariser_lowers_sensitivity_and_is_logged():
    bounds = []
    for weight in (1e-6, 0.1):
        rows = []
        model = Mlp(hidden=(16,), votes=2, epochs=10, sensitivity=weight)
        contender = model.fit(job(DATA, log=rows.append))
        bounds.append(rows[-1]["sensitivity_bound"])
        own = sensitivity_bound(contender.network.network)
        assert rows[-1]["sensitivity_bound"] == pytest.approx(float(own.mean()), rel=1e-5)
    assert bounds[1] < bounds[0] / 2
    plain = []
    Mlp(epochs=1).fit(job(DATA, log=plain.append))
    assert "sensitivity_bound" not in plain[0]


@pytest.mark.parametrize("changed", [
    {"loss": "square"}, {"optimizer": "sgd", "learning_rate": 0.1}, {"optimizer": "adadelta", "learning_rate": 1.0},
], ids=str)  # fmt: skip
def test_every_way_of_training_learns_and_is_its_own(changed):
    contender = Mlp(**{"epochs": 15, **changed}).fit(job(DATA))
    usual = Mlp(epochs=15).fit(job(DATA))
    assert not torch.equal(contender.scores(EVAL.x), usual.scores(EVAL.x))
    assert float((contender.labels(EVAL.x) == EVAL.y).float().mean()) >= 0.95


def test_the_square_loss_is_that_of_the_probabilities():
    rows = []
    Mlp(epochs=1, learning_rate=1e-12, weight_decay=0, loss="square").fit(job(DATA, log=rows.append))
    untrained = Mlp().build(job(DATA))
    train = DATA.load("train")
    shares = untrained(train.x).exp().detach()
    expected = (shares - torch.eye(2)[train.y]).square().sum(dim=1).mean()
    assert rows[0]["loss"] == pytest.approx(float(expected), rel=1e-4)


def box_optimum(x, weights, bias, low, high):
    """L2 of the smallest change inside the box that brings w . x + b to 0: bisection on clip(x - lambda w)."""
    side = 1.0 if float(x @ weights + bias) > 0 else -1.0

    def value(size):
        return side * float((x - size * side * weights).clamp(low, high) @ weights + bias)

    below, above = 0.0, 1.0
    while value(above) > 0:
        above *= 2
    for _ in range(100):
        middle = (below + above) / 2
        below, above = (middle, above) if value(middle) > 0 else (below, middle)
    return float(((x - above * side * weights).clamp(low, high) - x).norm())


def _linear(contender):
    weights = contender.state().arrays["network.weights.0"][0].double()
    bias = contender.state().arrays["network.biases.0"][0, 0].double()
    return weights[:, 1] - weights[:, 0], bias[1] - bias[0]


def test_zoo_finds_the_closed_form_optimum_of_a_linear_model():
    zoo = pytest.importorskip("advbench_zoo.attack").Zoo(learning_rate=0.03)  # steps that can come this near
    contender = Linear(epochs=20).fit(job(DATA))
    weights, bias = _linear(contender)
    # Far from the edges of a wide box the optimum is |w . x + b| / |w|; inside [0, 1] it is larger.
    for low, high in ((-50.0, 50.0), (0.0, 1.0)):
        facts = DatasetFacts(
            modality=Modality.IMAGE, shape=(1, 8, 8), classes=2, bounds=Bounds(low, high), digest="digits"
        )
        chosen = Examples(EVAL.ids[:5], EVAL.x[:5], contender.labels(EVAL.x[:5]))
        rows = play(contender, zoo, chosen, needs=Access.SCORES, facts=facts, max_queries=25_000, norm=Norm.L2)
        for row, x in zip(rows, chosen.x.flatten(1).double(), strict=True):
            best = box_optimum(x, weights, bias, low, high)
            if low == -50:
                assert best == pytest.approx(float((x @ weights + bias).abs() / weights.norm()), rel=1e-6)
            assert row["verdict"] == "broken"
            assert best * (1 - 1e-5) <= row["l2"] <= best * 1.05, f"{row['l2'] / best:.3f} times the optimum"


class TestToysThatAreTrained:
    def test_a_tree_survives_storage(self):
        contender = TreeModel(depth=4).fit(job(DATA))
        state = unpack_state(pack_state(contender.state()))
        assert isinstance(state.meta["tree"]["low"], dict)
        restored = TreeModel(depth=4).restore(state, job(DATA))
        assert torch.equal(restored.scores(EVAL.x), contender.scores(EVAL.x))
        assert len(contender.labels(EVAL.x).unique()) == 2

    @pytest.mark.parametrize("model", [TreeModel(), Linear(epochs=2)])
    def test_a_defense_stores_what_it_wraps(self, model):
        base = model.fit(job(DATA))
        defense = RoundingDefense(step=0.5)
        contender = defense.protect(base, job(DATA))
        restored = defense.restore(model, unpack_state(pack_state(contender.state())), job(DATA))
        assert torch.equal(restored.scores(EVAL.x), contender.scores(EVAL.x))
        assert contender.facts == defense.facts(model.facts()) == restored.facts
        assert not torch.equal(contender.scores(EVAL.x), base.scores(EVAL.x))


def test_a_loss_that_is_no_number_ends_the_training_and_says_what_to_lower():
    with pytest.raises(ContestError, match=r"must be finite, got nan in epoch \d. Lower learning_rate \(now 1000\)"):
        Mlp(learning_rate=1000.0, optimizer="sgd", loss="ce", hidden=(16, 16, 16)).fit(job(DATA))
