from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from modality_translate.data import free_form, registration
from modality_translate.data.free_form import register
from modality_translate.data.registration import Registrar
from modality_translate.errors import RecipeError
from modality_translate.pipeline import prepare
from modality_translate.volumes import Volume

SHAPE, SPACING = (56, 52, 48), (2.0, 2.0, 2.0)
BODY = np.ones(SHAPE, bool)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer points: enough for a small volume."""
    monkeypatch.setattr(free_form, "POINTS", 4000)
    monkeypatch.setattr(free_form, "STEPS", 80)


@pytest.fixture
def told():
    return []


@pytest.fixture
def registrar(told):
    return Registrar(told.append, torch.device("cpu"))


@pytest.fixture
def pair(contrasts, recipe_with):
    """The prepared MR and its CT, `shift` voxels apart along X."""
    spec = recipe_with(geometry={"spacing": SPACING}).spec()

    def of(shift: float = 0.0):
        mr, ct = contrasts(SHAPE, np.reshape([shift, 0.0, 0.0], (3, 1, 1, 1)))[0], contrasts(SHAPE)[1]
        return prepare(Volume.of(mr, np.diag([*SPACING, 1.0])), spec), ct

    return of


def test_a_source_is_moved_onto_its_target(registrar, told, pair):
    (aligned, ct), (source, _) = pair(), pair(2.0)
    moved = registrar("pat1", source, ct, BODY)
    inner = (slice(6, -6),) * 3
    errors = [np.abs(one.raw - aligned.raw)[inner].mean() for one in (source, moved)]
    assert errors[1] < 0.5 * errors[0]
    before, after = map(float, re.fullmatch(r"pat1: (\S+) mm apart, (\S+) once registered", told[0]).groups())
    assert (before, after) == (pytest.approx(4.0, abs=0.4), pytest.approx(0.5, abs=0.5))
    assert (moved.grid, moved.native) == (source.grid, source.native)


def test_a_pair_that_comes_no_nearer_is_left_as_it_was(registrar, told, pair, monkeypatch):
    source, ct = pair()
    away = register(ct, source.raw, BODY, SPACING, torch.device("cpu"))
    monkeypatch.setattr(registration, "register", lambda *_: replace(away, control=away.control + 5.0))
    assert registrar("pat1", source, ct, BODY) is source
    assert told[0].endswith("once registered; left as it was")


@pytest.mark.parametrize(("fill", "body"), [(None, ~BODY), (-1000.0, BODY)])
def test_without_structure_or_body_nothing_is_moved(registrar, told, pair, fill, body):
    source, ct = pair()
    target = ct if fill is None else np.full_like(ct, fill)
    assert registrar("pat1", source, target, body) is source
    assert "pat1: not registered, too little structure" in told[0]


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"data": {"registration": "elastic", "paired": False}}, "registration is for pairs"),
        ({"data": {"registration": "elastic"}, "target": {"modality": "PET"}}, "PET has none"),
        ({"data": {"registration": "rigid"}}, "registration"),
    ],
)
def test_a_recipe_says_what_can_be_registered(recipe_with, tables, reason):
    with pytest.raises(RecipeError, match=reason):
        recipe_with(**tables)


@pytest.mark.parametrize(
    ("tables", "wanted"),
    [
        ({}, "elastic"),
        ({"data": {"registration": "none"}}, "none"),
        ({"data": {"paired": False}}, "none"),
        ({"target": {"modality": "PET"}}, "none"),
        ({"objective": {"kind": "pix2pix"}}, "none"),
    ],
)
def test_reggan_registers_first_unless_told_otherwise(recipe_with, tables, wanted):
    assert recipe_with(**{"objective": {"kind": "reggan"}} | tables).data.registration == wanted
