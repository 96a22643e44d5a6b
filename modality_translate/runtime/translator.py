"""One model, made ready: volumes in, synthetic volumes out, on the input's own grid and in the target's units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from modality_translate.errors import EnvelopeError, RecipeError
from modality_translate.pipeline.envelope import check_envelope
from modality_translate.pipeline.self_test import check_self_test
from modality_translate.pipeline.spec import Spec
from modality_translate.pipeline.translate import translate
from modality_translate.runtime.engine import Engine, open_engine
from modality_translate.runtime.known import is_known, remember
from modality_translate.runtime.model_file import read_model
from modality_translate.runtime.shipped import located
from modality_translate.runtime.trial import try_model
from modality_translate.volumes import Volume, read_volume

Progress = Callable[[int, int], None]
_FORCED = "forced: "
_LONGEST_NAME = 40
"""NIfTI's descrip holds 79 characters."""


@dataclass(frozen=True)
class Translator:
    """A checked model on a device. It keeps no state between volumes, so threads may share one."""

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
    ) -> Translator:
        """The model in `path`, or the shipped one of that name, on "auto", "cpu", "cuda" or "cuda:N".

        `overlap` replaces the spec's. A file that this machine has not met is first tried in a process of its own,
        under a limit of time and memory; `trusted` skips that.

        Raises `ModelError` for a file that is refused or fails its own test, and `DeviceError` for a device that
        cannot be used.
        """
        file = located(path)
        model = read_model(file)
        if not trusted and not is_known(file, model.sha256):
            try_model(model)
            remember(model.sha256)
        engine = open_engine(model, device, threads)
        check_self_test(model.spec, engine.predict)
        return cls(_with_overlap(model.spec, overlap), model.card, model.sha256, engine)

    def translate(
        self, volume: Volume | str | Path, *, force: bool = False, progress: Progress | None = None
    ) -> Volume:
        """The synthetic volume, float32 in `spec.target.units`, on the input's grid; `progress(done, total)` patches.

        Raises `EnvelopeError` for a volume unlike those the model was trained on; `force` notes it and goes on.
        """
        subject = "volume" if isinstance(volume, Volume) else str(volume)
        source = volume if isinstance(volume, Volume) else read_volume(Path(volume))
        reasons = check_envelope(source, self.spec)
        if reasons and not force:
            raise EnvelopeError(subject, "; ".join(reasons) + ".", "The result would mislead; --force does it anyway.")
        synthetic = translate(source, self.spec, self.engine.predict, batch=self.engine.batch, progress=progress)
        return replace(synthetic, notes=(*source.notes, *(_FORCED + reason for reason in reasons)))

    def description(self, synthetic: Volume) -> str:
        """What a written volume says of its origin."""
        forced = " FORCED" if any(note.startswith(_FORCED) for note in synthetic.notes) else ""
        return f"mtranslate {version('modality-translate')} {self.spec.name[:_LONGEST_NAME]}{forced}"


def _with_overlap(spec: Spec, overlap: float | None) -> Spec:
    if overlap is None:
        return spec
    if not 0 <= overlap < 1:
        raise RecipeError("overlap", f"{overlap:g} is out of range.", "Give a fraction from 0 up to, not including, 1.")
    return spec.model_copy(update={"tiling": spec.tiling.model_copy(update={"overlap": overlap})})
