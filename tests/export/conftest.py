"""Programs of export/, which are no package, as modules; and the conformance kit, made once."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ..viewer.conftest import ask_host, browser, in_browser, open_page, serve  # noqa: F401

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "export"
LEAN = ROOT / ".venv-lean" / "bin" / "python"
NOT_TO_BE_HAD = 3


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
def kit_volumes() -> ModuleType:
    """export/conformance/kit_volumes.py."""
    return loaded("conformance/kit_volumes.py")


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conformance") / "kit"
    make = [sys.executable, str(EXPORT / "conformance" / "make.py"), "-o", str(folder)]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def cpp_host() -> Path:
    """The C++ host, built unless it is up to date; skips where compilers and packages cannot be had."""
    python = LEAN if LEAN.exists() else Path(sys.executable)
    build = [str(EXPORT / "cpp" / "build.sh"), str(ROOT / "build" / "cpp"), str(python)]
    done = subprocess.run(build, check=False, capture_output=True, text=True)
    if done.returncode == NOT_TO_BE_HAD:
        pytest.skip(f"the C++ host cannot be built here: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    assert "warning:" not in done.stderr
    return ROOT / "build" / "cpp" / "translate"
