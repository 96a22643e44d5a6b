"""Volumes unlike those of the training: the browser refuses what the library refuses, with the same words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nibabel
import numpy as np
import pytest

from modality_translate.pipeline.envelope import check_envelope, envelope_of, measure
from modality_translate.pipeline.spec import Channel, Spec, Tiling
from modality_translate.volumes import Volume

from .conftest import tiny_model
from .test_host import ball

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
SHAPE = (20, 22, 16)


def volume(array: np.ndarray, affine: np.ndarray = AFFINE) -> Volume:
    return Volume.of(array.astype(np.float32), affine)


def cases(own: Channel) -> dict[str, Volume]:
    """One volume that fits a model of this source, and many that do not."""
    usual = ball(SHAPE, own)
    return {
        "fits": volume(usual),
        "empty": volume(np.full(SHAPE, 7.0)),
        "fine voxels": volume(usual, np.diag([0.5, 2, 3, 1])),
        "thick slices": volume(usual, np.diag([2, 2, 10, 1])),
        "small": volume(usual[:5]),
        "wide": volume(np.concatenate([usual, usual, usual])),
        "MR": volume(ball(SHAPE, Channel.of("MR"))),
        "CT": volume(ball(SHAPE, Channel.of("CT"))),
        "PET": volume(ball(SHAPE, Channel.of("PET"))),
        "offset": volume(ball(SHAPE, Channel.of("CT")) - 1024),
        "activity": volume(ball(SHAPE, Channel.of("PET")) * 4000),
        "dense": volume(ball(SHAPE, Channel.of("CT")) * 2 + 900),
    }


@pytest.mark.parametrize(("source", "target"), [("MR", "CT"), ("CT", "MR"), ("PET", "CT")])
def test_the_browser_refuses_what_the_library_refuses(source: Any, target: Any, ask_host: Callable[..., Any]):
    channel = Channel.of(source)
    spec = Spec(name="tiny", source=channel, target=Channel.of(target), tiling=Tiling(patch=(20, 22, 1)))
    spec = spec.model_copy(update={"envelope": envelope_of([measure(volume(ball(SHAPE, channel)), source)])})
    tried = cases(channel)
    files = [nibabel.Nifti1Image(one.array, one.grid.affine).to_bytes() for one in tried.values()]
    answers = ask_host("translate", ([tiny_model(spec)], files), force=False)
    wanted = {name: check_envelope(one, spec) for name, one in tried.items()}
    assert wanted["fits"] == []
    assert sum(bool(reasons) for reasons in wanted.values()) >= 6
    for (name, reasons), answer in zip(wanted.items(), answers, strict=True):
        said = answer.get("error", "")
        assert ("error" in answer) == bool(reasons), (name, reasons, said)
        # Word by word as far as the first figure, which may be rounded otherwise.
        assert all(re.split(r"[-:\d]", reason)[0] in said for reason in reasons), (name, reasons, said)
