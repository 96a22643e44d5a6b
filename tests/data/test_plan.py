from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modality_translate.data.machine import GIB, Machine
from modality_translate.data.plan import comments, decide, plan_folders
from modality_translate.errors import RecipeError

CPU, GPU = Machine("cpu", 16 * GIB, bf16=False), Machine("cuda", 24 * GIB, bf16=True)
FOLDERS = {"data.source": "mr", "data.target": "ct"}


def decided(of: Any, machine: Machine, **given: Any) -> dict[str, Any]:
    fields = {name.replace("__", "."): value for name, value in given.items()}
    return {decision.field: decision.value for decision in decide(of, machine, fields)}


def test_two_folders_become_a_whole_recipe_with_reasons(pairs: Path):
    plan = plan_folders(FOLDERS, pairs, CPU)
    recipe = plan.recipe
    assert (recipe.source.modality, recipe.target.modality, recipe.name) == ("MR", "CT", "mr-to-ct")
    assert (recipe.geometry.spacing, recipe.geometry.patch) == ((2.0, 2.0, 4.0), (32, 32))
    assert recipe.objective.kind == "hybrid"
    assert recipe.training.precision == "32"
    assert all(decision.reason and "\n" not in decision.reason for decision in plan.decisions)
    assert any("3 pairs, which is few" in warning for warning in plan.warnings)


def test_unpaired_folders_become_a_cyclegan_of_single_slices(pairs: Path):
    recipe = plan_folders(FOLDERS | {"data.paired": False}, pairs, CPU).recipe
    assert (recipe.objective.kind, recipe.geometry.context, recipe.data.paired) == ("cyclegan", 1, False)
    assert recipe.generator.kind == "resnet"


def test_a_gpu_plans_3d_patches_where_a_cpu_plans_stacks_of_slices(of):
    cpu, gpu = decided(of(pairs=30), CPU), decided(of(pairs=30), GPU)
    assert (cpu["geometry.dims"], cpu["geometry.context"], len(cpu["geometry.patch"])) == (2, 5, 2)
    assert (gpu["geometry.dims"], len(gpu["geometry.patch"])) == (3, 3)
    assert gpu["training.batch"] == 2
    assert gpu["training.steps"] >= 10000 > cpu["training.steps"]


def test_what_is_given_stands_and_the_rest_is_planned_around_it(of):
    found = decided(of(pairs=30), CPU, geometry__dims=3)
    assert len(found["geometry.patch"]) == 3
    assert "geometry.context" not in found
    found = decided(of(pairs=30), CPU, training__steps=50)
    assert found["training.validate_every"] == 6


def test_an_objective_given_by_hand_brings_its_own_weights(pairs: Path):
    recipe = plan_folders(FOLDERS | {"objective.kind": "reggan"}, pairs, CPU).recipe
    assert (recipe.objective.kind, recipe.objective.ssim) == ("reggan", 0.0)
    assert recipe.data.registration == "elastic"
    assert plan_folders(FOLDERS | {"objective.kind": "cyclegan"}, pairs, CPU).recipe.geometry.context == 1


def test_a_comment_tells_the_reason_or_that_a_hand_changed_it(pairs: Path):
    plan = plan_folders(FOLDERS | {"training.batch": 3}, pairs, CPU)
    said = comments(plan.recipe, plan.decisions)
    assert said["geometry.spacing"].startswith("median of the sources")
    assert said["training.batch"].startswith("set by hand; the plan had 8 (")


def test_a_plan_is_plain_json(pairs: Path):
    plan = plan_folders(FOLDERS, pairs, CPU).as_dict()
    again = json.loads(json.dumps(plan))
    assert set(again) == {"fingerprint", "machine", "decisions", "warnings"}
    assert again["fingerprint"]["source"]["spacing"] == [2.0, 2.0, 4.0]


def test_a_modality_that_cannot_be_recognised_is_asked_for(pairs: Path):
    (pairs / "mr").rename(pairs / "scans")
    with pytest.raises(RecipeError, match=r"source volumes: .* Give --from \(CT, MR, PET\)"):
        plan_folders(FOLDERS | {"data.source": "scans"}, pairs, CPU)


def test_a_ct_that_is_not_in_hu_is_refused_with_the_way_out(pairs: Path):
    with pytest.raises(RecipeError, match=r"a\.nii\.gz: the values are not HU.*3 of 3 read.*another modality with --f"):
        plan_folders(FOLDERS | {"source.modality": "CT"}, pairs, CPU)
