"""Programs of export/, which are no package, as modules; and the conformance kit, made once."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXPORT = Path(__file__).parents[2] / "export"


def loaded(path: str) -> ModuleType:
    name = f"export_{Path(path).stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXPORT / path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def translate() -> ModuleType:
    """export/python/translate.py."""
    return loaded("python/translate.py")


@pytest.fixture(scope="session")
def run() -> ModuleType:
    """export/conformance/run.py."""
    return loaded("conformance/run.py")


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conformance") / "kit"
    make = [sys.executable, str(EXPORT / "conformance" / "make.py"), "-o", str(folder)]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    return folder
