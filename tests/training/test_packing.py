from __future__ import annotations

import json
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modality_translate.training.packing import pack, unpack

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
STATES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@settings(deadline=None, max_examples=50)
@given(STATES)
def test_what_is_packed_comes_back_through_json(state: object):
    structure, tensors = pack(state)
    again = unpack(json.loads(json.dumps(structure)), tensors)
    assert again == state
    assert type(again) is type(state)


def test_tensors_keep_type_and_values_and_share_nothing():
    weights = torch.arange(4).reshape(2, 2)
    structure, tensors = pack({"a": weights.T, "b": [weights, torch.tensor(True)]})
    again = unpack(structure, tensors)
    assert torch.equal(again["a"], weights.T)
    assert again["b"][1].dtype == torch.bool
    assert len({tensor.data_ptr() for tensor in tensors.values()}) == 3


def test_pythons_random_state_survives():
    structure, tensors = pack(random.getstate())
    expected = [random.random() for _ in range(3)]
    random.setstate(unpack(json.loads(json.dumps(structure)), tensors))
    assert [random.random() for _ in range(3)] == expected


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="state/x: object cannot be kept"):
        pack({"x": object()})
