"""Imports go one way: every import of the package, those inside functions too, is read against this table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "modality_translate"
OPEN_TO_ALL = {"errors", "printable", "settings", "telemetry"}
MAY_IMPORT: dict[str, set[str]] = {
    "volumes": set(),
    "intensities": {"volumes"},
    "pipeline": {"volumes", "intensities"},
    "phantom": {"volumes", "intensities"},
    "evaluation": {"volumes", "intensities"},
    "recipe": {"pipeline", "intensities"},
    "data": {"volumes", "intensities", "pipeline", "recipe"},
    "networks": {"recipe"},
    "objectives": {"networks", "recipe"},
    "training": {"data", "objectives", "networks", "pipeline", "evaluation", "volumes", "recipe"},
    "exporting": {"training", "data", "networks", "pipeline", "recipe", "volumes"},
    "runtime": {"pipeline", "volumes"},
    "viewer": {"runtime", "volumes"},
}
TORCH_LAYERS = {"data", "networks", "objectives", "training", "exporting"}
TORCH_WORLD = {"torch", "monai", "kornia", "lightning_fabric", "safetensors", "onnx", "onnxscript", "tensorboard"}
EVERY_LAYER = set(MAY_IMPORT)


def layer_of(file: Path) -> str:
    first = file.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer they reach"
            assert node.module is not None
            yield node.module
            if node.module == "modality_translate":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package_layers(modules: Iterator[str]) -> set[str]:
    parts = (module.split(".") for module in modules)
    return {p[1] for p in parts if p[0] == "modality_translate" and len(p) > 1}


def outside_functions(tree: ast.Module) -> ast.Module:
    """The module's import-time statements alone."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

    stripped = Strip().visit(tree)
    assert isinstance(stripped, ast.Module)
    return stripped


FILES = sorted(PACKAGE.rglob("*.py"))
LAYERED = [f for f in FILES if layer_of(f) in MAY_IMPORT]


def test_every_folder_of_the_package_is_in_the_table():
    folders = {f.name for f in PACKAGE.iterdir() if f.is_dir() and f.name != "__pycache__"}
    assert folders - {"cli"} <= EVERY_LAYER


@pytest.mark.parametrize("file", LAYERED, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_layer_imports_only_what_the_table_allows(file: Path):
    layer = layer_of(file)
    imported = package_layers(imported_modules(ast.parse(file.read_text())))
    assert imported - {layer} - OPEN_TO_ALL <= MAY_IMPORT[layer]


@pytest.mark.parametrize(
    "file", [f for f in FILES if layer_of(f) not in TORCH_LAYERS], ids=lambda f: str(f.relative_to(PACKAGE))
)
def test_the_trunk_never_imports_the_torch_world(file: Path):
    roots = {module.split(".")[0] for module in imported_modules(ast.parse(file.read_text()))}
    assert not roots & TORCH_WORLD


@pytest.mark.parametrize("file", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda f: f.name)
def test_a_command_imports_layers_only_inside_its_body(file: Path):
    tree = outside_functions(ast.parse(file.read_text()))
    imported = package_layers(imported_modules(tree))
    assert imported <= OPEN_TO_ALL | {"cli"}


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.name != "telemetry.py"], ids=lambda f: str(f.relative_to(PACKAGE))
)
def test_engines_that_report_home_are_loaded_in_one_place(file: Path):
    roots = {module.split(".")[0] for module in imported_modules(ast.parse(file.read_text()))}
    assert not roots & {"onnxruntime", "openvino"}


def test_the_table_has_no_cycle():
    seen: set[str] = set()
    remaining = dict(MAY_IMPORT)
    while remaining:
        free = [layer for layer, needs in remaining.items() if needs <= seen]
        assert free, f"these layers import each other: {sorted(remaining)}"
        for layer in free:
            seen.add(layer)
            del remaining[layer]
