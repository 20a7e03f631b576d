"""A state goes into one block of bytes and comes back, whatever it is made of."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench import PluginError, State
from advbench.bench.packing import pack_arrays, pack_state, unpack_state

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
KINDS = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arrays_of_every_kind(kind, shape):
    array = (torch.arange(math.prod(shape)).reshape(shape) % 2).to(kind)
    back = unpack_state(pack_state(State({"a": array, "b.c": array.clone()})))
    assert sorted(back.arrays) == ["a", "b.c"]
    for one in back.arrays.values():
        assert one.dtype == kind
        assert one.shape == array.shape
        assert torch.equal(one, array)


@settings(max_examples=60, deadline=None)
@given(meta=st.dictionaries(st.text(), JSON, max_size=4))
def test_trees_without_any_array(meta):
    back = unpack_state(pack_state(State({}, meta)))
    assert back.meta == meta
    assert back.arrays == {}


def test_equal_states_are_equal_bytes():
    one = State({"a": torch.ones(2), "b": torch.zeros(1)}, {"x": 1, "y": [2.5]})
    other = State({"b": torch.zeros(1), "a": torch.ones(2)}, {"y": [2.5], "x": 1})
    assert pack_state(one) == pack_state(other)


def test_bits_survive():
    odd = torch.tensor([math.pi, 1e-45, -0.0, math.inf, 0.1], dtype=torch.float32)
    back = unpack_state(pack_state(State({"odd": odd}, {"pi": math.pi, "tiny": 5e-324, "inf": math.inf})))
    assert back.arrays["odd"].view(torch.int32).tolist() == odd.view(torch.int32).tolist()
    assert back.meta == {"pi": math.pi, "tiny": 5e-324, "inf": math.inf}


def test_views_are_packed_as_what_they_show():
    whole = torch.arange(12.0).reshape(3, 4)
    back = unpack_state(pack_state(State({"t": whole.t(), "slice": whole[:, 1:3].clone().requires_grad_(True)})))
    assert torch.equal(back.arrays["t"], whole.t())
    assert torch.equal(back.arrays["slice"], whole[:, 1:3])


def test_arrays_that_share_memory_come_back_as_two():
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    network[1].weight = network[0].weight
    back = unpack_state(pack_state(State(network.state_dict()))).arrays
    assert torch.equal(back["0.weight"], network[0].weight)
    assert torch.equal(back["1.weight"], network[0].weight)
    overlapping = torch.arange(6.0)
    back = unpack_state(pack_state(State({"whole": overlapping, "end": overlapping[3:]}))).arrays
    assert (len(back["whole"]), back["end"].tolist()) == (6, [3.0, 4.0, 5.0])


def test_no_name_of_an_array_is_taken():
    names = ["advbench", "meta", "array/", "array/meta", "array/array/meta", "", "__metadata__", "ü"]
    arrays = {name: torch.tensor([float(i)]) for i, name in enumerate(names)}
    back = unpack_state(pack_state(State(arrays, {"advbench": 1, "meta": 2})))
    assert {name: array.item() for name, array in back.arrays.items()} == {
        name: float(i) for i, name in enumerate(names)
    }
    assert back.meta == {"advbench": 1, "meta": 2}


def test_arrays_alone_keep_their_plain_names():
    from safetensors.torch import load

    assert set(load(pack_arrays({"17": torch.ones(2), "17-3": torch.zeros(2)}))) == {"17", "17-3"}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State({}, {"sizes": (4, 2)}), "toy: state() must hold JSON in its meta['sizes'], got tuple (4, 2)."),
        (State({}, {"tree": [{"low": (1,)}]}), "toy: state() must hold JSON in its meta['tree'][0]['low'], got tuple"),
        (State({}, {"leaves": {3: "a"}}), "toy: state() must have texts as keys in its meta['leaves'], got 3."),
        (State({}, {7: 1}), "toy: state() must have texts as keys in its meta, got 7."),
        (State({}, {"mean": torch.ones(1)}), "toy: state() must hold JSON in its meta['mean'], got Tensor"),
        (State({}, {"names": {"a"}}), "toy: state() must hold JSON in its meta['names'], got set"),
        (State({"w": [1.0]}), "toy: state() must hold tensors by name in its arrays, got 'w': list."),
        (State({3: torch.ones(1)}), "toy: state() must hold tensors by name in its arrays, got 3: Tensor."),
    ],
    ids=str,
)
def test_what_would_come_back_as_something_else_is_refused(state, told):
    with pytest.raises(PluginError) as caught:
        pack_state(state, "toy")
    assert str(caught.value).startswith(told)
