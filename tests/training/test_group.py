from __future__ import annotations

import pytest
from lightning_fabric import Fabric

from modality_translate.errors import LostProcessError, RecipeError
from modality_translate.recipe import Training
from modality_translate.training import group as groups
from modality_translate.training.group import anyone, check_batch, group_from_environment, leaders, losses_named

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
SRUN = {"SLURM_STEP_NUM_TASKS": "6", "SLURM_NNODES": "3"}
OURS = {"MTRANSLATE_WORKERS": "2"}


@pytest.mark.parametrize(("variables", "size"), [(TORCHRUN, (4, 2)), (SRUN, (2, 3)), (OURS, (2, 1))])
def test_a_launcher_is_recognised(variables: dict[str, str], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    group = group_from_environment(None)
    assert group is not None
    assert (group.devices, group.nodes) == size
    assert group_from_environment(size[0]) is not None
    with pytest.raises(RecipeError, match=r"--devices: 5 were asked for, but \d processes were started"):
        group_from_environment(5)


def test_alone_there_is_no_group(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert group_from_environment(None) is None
    assert group_from_environment(1) is None


def test_a_batch_must_be_shared_equally():
    check_batch(Training(batch=8, accumulate=2), 4)
    with pytest.raises(RecipeError, match=r"10 patches cannot be shared by 2 processes in 2 parts.*training.batch=8"):
        check_batch(Training(batch=10, accumulate=2), 2)


def test_alone_one_agrees_with_oneself():
    fabric = Fabric(accelerator="cpu", devices=1)
    assert [anyone(flag, fabric) for flag in (True, False)] == [True, False]
    assert leaders(3.5, fabric) == 3.5


def fail() -> None:
    with losses_named():
        raise RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:28491")


def test_a_lost_process_is_named_and_an_own_fault_is_not_hidden(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(RuntimeError, match="closed by peer"):
        fail()
    monkeypatch.setattr(groups, "processes", lambda: 2)
    with pytest.raises(LostProcessError, match=r"another process of this training is gone .* go on with --resume"):
        fail()
    with pytest.raises(RuntimeError, match="sizes differ"), losses_named():
        raise RuntimeError("sizes differ")


def test_a_worker_leaves_the_word_to_its_parent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(groups, "processes", lambda: 2)
    monkeypatch.setenv("MTRANSLATE_WORKERS", "2")
    with pytest.raises(SystemExit) as end:
        fail()
    assert end.value.code == 75
