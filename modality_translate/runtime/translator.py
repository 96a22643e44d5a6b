"""One model, made ready: volumes in, synthetic volumes out, on the input's own grid and in the target's units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from modality_translate.errors import EnvelopeError, RecipeError, VolumeError
from modality_translate.pipeline.envelope import check_envelope
from modality_translate.pipeline.self_test import check_self_test
from modality_translate.pipeline.spec import Spec
from modality_translate.pipeline.translate import translate
from modality_translate.printable import plain
from modality_translate.runtime.engine import Engine
from modality_translate.runtime.engine_choice import EngineName, open_engine
from modality_translate.runtime.known import is_known, remember
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.shipped import located
from modality_translate.runtime.trial import try_model
from modality_translate.volumes import Source, Volume, as_volume, orient, spaced

Progress = Callable[[int, int], None]
_FORCED = "forced: "
_MOST_VOXELS = 2**30
"""Of a volume on the model's grid; as float32 the most that a file may hold."""
_LONGEST_NAME = 40
"""NIfTI's descrip holds 79 characters."""


@dataclass(frozen=True)
class Translator:
    """A checked model on a device: volumes of one modality in, synthetic volumes of another out.

    >>> translator = Translator.load("limb-mr-to-ct")
    >>> synthetic = translator.translate("t1.nii.gz")
    >>> synthetic.array.shape, translator.spec.target.units
    ((256, 256, 40), 'HU')
    >>> write_volume("ct.nii.gz", synthetic, dtype=translator.spec.target.stored)

    From memory: `translate(array, affine=affine)`, or `translate(nibabel.load(path)).to_nibabel()`. It keeps no state
    between volumes, so threads may share one; each thread holds the memory of its own volume.
    """

    spec: Spec
    card: str
    sha256: str
    engine: Engine

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        overlap: float | None = None,
        trusted: bool = False,
        engine: EngineName = "auto",
    ) -> Translator:
        """The model in `path`, or the shipped one of that name, on "auto", "cpu", "cuda" or "cuda:N".

        `overlap` replaces the spec's. A file that this machine has not met is first tried in a process of its own,
        under a limit of time and memory; `trusted` skips that. `engine` is "auto" (the faster one on this machine, by
        a short measurement that is remembered), "onnxruntime", "openvino", or "tensorrt" on GPUs.

        Raises `ModelError` for a file that is refused or fails its own test, and `DeviceError` for a device that
        cannot be used.
        """
        file = located(path)
        model = read_model(file)
        if not trusted and not is_known(file, model.sha256):
            try_model(model)
            remember(model.sha256)
        opened = open_engine(model, device, threads, engine)
        check_self_test(model.spec, opened.predict)
        return cls(_with_overlap(model.spec, overlap), model.card, model.sha256, opened)

    def translate(
        self,
        volume: Source,
        *,
        affine: NDArray[Any] | None = None,
        force: bool = False,
        progress: Progress | None = None,
        overwrite_source: bool = False,
    ) -> Volume:
        """The synthetic volume, float32 (X, Y, Z) in `spec.target.units`, on the input's own grid.

        `volume` is in units of `spec.source`: a path, a `Volume`, a nibabel image, or a numpy array (X, Y, Z) with
        `affine` (4, 4), which leads from voxel indices to world millimetres, x to the right, y to the front, z to the
        head. `progress(done, total)` is called with numbers of patches. `overwrite_source` lets the answer take the
        place of the voxels that are given, where they can be written to, which saves a second array (with a path it
        always does).

        Raises `VolumeError` for what is no 3D volume, and its kind `EnvelopeError` for a volume unlike those the model
        was trained on; `force` notes the difference in `notes` and goes on.
        """
        subject = str(volume) if isinstance(volume, str | Path) else "volume"
        source = as_volume(volume, affine)
        reasons = check_envelope(source, self.spec)
        if reasons and not force:
            remedy = "The result would mislead; --force (in Python force=True) does it anyway."
            raise EnvelopeError(subject, "; ".join(reasons) + ".", remedy)
        self._check_size(source)
        predict, batch = self.engine.predict, self.engine.batch
        own = overwrite_source or isinstance(volume, str | Path)
        synthetic = translate(source, self.spec, predict, batch=batch, progress=progress, overwrite_source=own)
        return replace(synthetic, notes=(*source.notes, *(_FORCED + reason for reason in reasons)))

    def _check_size(self, source: Volume) -> None:
        """A model may ask for voxels so small that no memory holds the volume."""
        grid = spaced(orient(source.array, source.grid)[1], self.spec.spacing) if self.spec.spacing else source.grid
        if math.prod(grid.shape) > _MOST_VOXELS:
            size = " x ".join(map(str, grid.shape))
            raise VolumeError("volume", f"has {size} voxels at the model's voxel size.", "Crop it first.")

    def description(self, synthetic: Volume) -> str:
        """What a written volume says of its origin."""
        forced = " FORCED" if any(note.startswith(_FORCED) for note in synthetic.notes) else ""
        name = plain(self.spec.name[:_LONGEST_NAME])
        return f"mtranslate {version('modality-translate')} {name}{forced}"


def _with_overlap(spec: Spec, overlap: float | None) -> Spec:
    if overlap is None:
        return spec
    if not 0 <= overlap < 1:
        raise RecipeError("overlap", f"{overlap:g} is out of range.", "Give a fraction from 0 up to, not including, 1.")
    return spec.model_copy(update={"tiling": spec.tiling.model_copy(update={"overlap": overlap})})
