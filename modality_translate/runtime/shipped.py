"""The models that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "models"


def shipped_models() -> dict[str, Path]:
    """Name to model file, such as "limb-mr-to-ct"."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.onnx"))}


def located(model: str | Path) -> Path:
    """The file that `model` means: itself, or a shipped model's where no such file exists."""
    path = Path(model)
    return path if path.exists() else shipped_models().get(str(model), path)
