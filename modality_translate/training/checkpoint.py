"""Full training states on disk: safetensors with a checksum, the two newest kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from modality_translate.errors import RunError
from modality_translate.training.files import write_bytes, write_text
from modality_translate.training.packing import pack, unpack

KEPT = 2


def save_state(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write the state after `step` steps and drop all but the two newest.

    The checksum file comes last: a state without it was never finished.
    """
    structure, tensors = pack(state)
    path = folder / f"step-{step:08d}.safetensors"
    content = save(tensors, {"state": json.dumps(structure)})
    write_bytes(path, content)
    write_text(path.with_suffix(".sha256"), hashlib.sha256(content).hexdigest())
    for old in _newest_first(folder)[KEPT:]:
        old.with_suffix(".sha256").unlink(missing_ok=True)
        old.unlink()


def load_state(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The newest undamaged state, and notes on damaged ones that were passed over.

    Raises `RunError` if there is none.
    """
    notes: list[str] = []
    for path in _newest_first(folder):
        try:
            return _read(path), notes
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            notes.append(f"{path.name} is damaged ({error}); the state before it is used")
    found = f"no usable state was found ({'; '.join(notes)})." if notes else "there is no saved state to resume from."
    raise RunError(folder.parent.name, found, "Start the training again in a new folder.")


def _read(path: Path) -> dict[str, Any]:
    if path.with_suffix(".sha256").read_text("ascii").strip() != _sha256(path):
        raise ValueError("checksum differs")
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        state = unpack(json.loads(file.metadata()["state"]), tensors)
    assert isinstance(state, dict)
    return state


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"), reverse=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
