from __future__ import annotations

import numpy as np
import pytest

from modality_translate.errors import ModelError
from modality_translate.intensities import Window
from modality_translate.pipeline import check_self_test, measure_self_test, self_test_patch


@pytest.fixture
def spec(make_spec):
    return make_spec((6, 5, 5), (0, 0, 2), scaling=Window(lo=-1000, hi=1000))


@pytest.fixture
def network():
    return lambda patches: 2 * patches[..., 2:3] + 1


@pytest.fixture
def proven(spec, network):
    return spec.model_copy(update={"self_test": measure_self_test(network(self_test_patch(spec)), tolerance=0.5)})


def test_the_patch_follows_the_formula(spec):
    patch = self_test_patch(spec)
    assert patch.shape == (1, 1, 6, 5, 5)
    assert patch.dtype == np.float32
    assert patch[0, 0, 3, 2, 4] == pytest.approx(1000 * np.sin(0.37 * 3 + 0.23 * 2 + 0.11 * 4), rel=1e-6)


def test_sixteen_values_from_first_to_last_are_remembered():
    output = np.arange(46, dtype=np.float32).reshape(1, 1, 23, 2, 1)
    remembered = measure_self_test(output, tolerance=1)
    assert remembered.samples == tuple(range(0, 46, 3))
    assert remembered.mean == 22.5
    assert remembered.std == pytest.approx(output.std())


def test_the_same_network_passes(proven, network):
    check_self_test(proven, network)
    check_self_test(proven, lambda patches: network(patches) + 0.4)


@pytest.mark.parametrize(
    "change",
    [lambda out: out + 0.6, lambda out: out * 1.01, lambda out: np.flip(out, 2)],
    ids=["offset", "gain", "flipped"],
)
def test_another_answer_is_refused_with_numbers(change, proven, network):
    with pytest.raises(
        ModelError, match=r"fails its self-test: mean .* were wanted; the worst difference is .* 0.5 is"
    ):
        check_self_test(proven, lambda patches: change(network(patches)))


def test_an_answer_of_another_shape_is_refused(proven):
    with pytest.raises(ModelError, match=r"\(1, 1, 6, 5, 1\) was wanted"):
        check_self_test(proven, lambda patches: patches)


def test_a_model_without_a_self_test_is_refused(spec, network):
    with pytest.raises(ModelError, match="carries no self-test"):
        check_self_test(spec, network)
