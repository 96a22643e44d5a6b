"""Which engine was faster for a model on this kind of machine: measured once, remembered in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from modality_translate.errors import VolumeError
from modality_translate.runtime.cores import usable_cores
from modality_translate.runtime.known import cache_folder
from modality_translate.settings import Settings
from modality_translate.volumes.atomic import replacing

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "openvino")


class Verdict(Settings):
    """A measurement and what it holds for: another model, engine version, processor or thread count asks again."""

    model: str
    """SHA-256 of the model file."""
    processor: str
    cores: int
    threads: int | None
    """As asked for; none is all cores."""
    engines: dict[str, str]
    """Installed distributions and their versions."""
    faster: Literal["onnxruntime", "openvino"]
    ratio: float
    """Time of onnxruntime divided by that of openvino."""

    @classmethod
    def of(cls, model: str, threads: int | None, faster: Literal["onnxruntime", "openvino"], ratio: float) -> Verdict:
        """The verdict for `model` here, with the engines that are installed now."""
        return cls(
            model=model,
            processor=_processor(),
            cores=usable_cores(),
            threads=threads,
            engines=_versions(),
            faster=faster,
            ratio=ratio,
        )

    def file(self) -> Path:
        """Where it is kept: one file for all that it holds for, so that processes never write into each other's."""
        holds_for = self.model_dump_json(exclude={"faster", "ratio"})
        return cache_folder() / "engines" / f"{hashlib.sha256(holds_for.encode()).hexdigest()[:32]}.json"


def recall(model: str, threads: int | None) -> Verdict | None:
    """What was measured before; nothing where that is unknown, unreadable or damaged."""
    here = Verdict.of(model, threads, "onnxruntime", 1.0)
    try:
        known = Verdict.model_validate(json.loads(here.file().read_bytes()))
    except (OSError, RuntimeError, ValueError, ValidationError):
        return None
    return known if here.model_copy(update={"faster": known.faster, "ratio": known.ratio}) == known else None


def remember(verdict: Verdict) -> None:
    """Keep `verdict`. Where nothing can be written, the next run measures again."""
    try:
        path = verdict.file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, overwrite=True) as file:
            file.write(verdict.model_dump_json(indent=1).encode())
    except (OSError, RuntimeError, VolumeError):
        return


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The processor's own name: machines of one kind share a measurement, a home folder may serve many."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
