"""Write the conformance kit: tiny models, awkward volumes, and what `mtranslate convert` makes of them.

    python export/conformance/make.py -o kit

Needs modality-translate[train]. The kit holds no patient: bodies are formulas, weights are random.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from pathlib import Path

from kit_models import KINDS, Kind, write_model
from kit_volumes import write_orders, write_volumes

from modality_translate.cli.main import mtranslate
from modality_translate.runtime.model_file import read_model

CONVERT = ("-d", "cpu", "--engine", "onnxruntime", "--threads", "1", "--format", "nii", "--quiet", "--trust-model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="Folder to make; must not exist or be empty.")
    kit = parser.parse_args().output
    if kit.exists() and (not kit.is_dir() or any(kit.iterdir())):
        sys.exit(f"Error: {kit}: is already there and not empty. Choose another folder.")
    make_kit(kit)
    print(f"{kit}: {len(json.loads((kit / 'kit.json').read_text())['cases'])} cases")


def make_kit(kit: Path) -> None:
    """Volumes, models, expected outputs, and kit.json, which names every case."""
    for modality in ("MR", "CT", "PET"):
        write_volumes(kit / "volumes" / modality, modality)
        write_orders(kit / "orders" / modality, modality)
    (kit / "models").mkdir()
    cases = []
    for kind in KINDS:
        write_model(kit / "models" / f"{kind.name}.onnx", kind)
        for folder in ("volumes", "orders") if kind.orders else ("volumes",):
            _convert(kit, kind, folder)
            cases += _cases(kit, kind, folder)
    (kit / "kit.json").write_text(json.dumps({"kit": 1, "cases": cases}, indent=1) + "\n")


def _convert(kit: Path, kind: Kind, folder: str) -> None:
    """The reference's answers. One thread: how an engine splits its sums may change their last bits."""
    expected = kit / "expected" / kind.name / folder
    command = ["convert", "-m", kit / "models" / f"{kind.name}.onnx", "-i", kit / folder / kind.source, "-o", expected]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = mtranslate.main([*map(str, command), *CONVERT], standalone_mode=False)
    if code:
        sys.exit(f"Error: {kind.name} did not convert every volume of {folder}: {said.getvalue()}")
    # It says how long everything took, and two kits shall be equal.
    (expected / "report.json").unlink()


def _cases(kit: Path, kind: Kind, folder: str) -> list[dict[str, object]]:
    expected = kit / "expected" / kind.name / folder
    limits = read_model(kit / "models" / f"{kind.name}.onnx").spec.target.scaling.fixed.range
    return [
        {
            "model": f"models/{kind.name}.onnx",
            "input": source.relative_to(kit).as_posix(),
            "expected": (expected / f"{source.name.partition('.')[0]}.nii").relative_to(kit).as_posix(),
            "range": limits,
        }
        for source in sorted((kit / folder / kind.source).iterdir())
    ]


if __name__ == "__main__":
    main()
