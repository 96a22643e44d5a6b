"""Small models and volumes, made by hand, for every layer that runs a model file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from modality_translate.exporting.metadata import sealed
from modality_translate.pipeline.self_test import measure_self_test, self_test_patch
from modality_translate.pipeline.spec import Channel, Spec, Tiling
from modality_translate.volumes import Volume, write_volume

GAIN, OFFSET = 2.0, -1000.0
LOW, HIGH = -1024.0, 3071.0
LONG = ("export/test_hosts.py", "cli/test_train.py", "test_journey.py", "cli/test_demo.py", "training/test_loop.py")
"""The longest files. They begin first, so that no process is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))


def make_spec(**changes: Any) -> Spec:
    """MR to CT in small cubes, at the volume's own spacing."""
    values: dict[str, Any] = {
        "name": "tiny",
        "source": Channel.of("MR"),
        "target": Channel.of("CT"),
        "tiling": Tiling(patch=(8, 8, 8)),
    }
    spec = Spec(**{**values, **changes})
    answer = np.clip(self_test_patch(spec) * GAIN + OFFSET, LOW, HIGH)
    return spec.model_copy(update={"self_test": measure_self_test(answer, 1.0)})


def make_graph(spec: Spec, opset: int = 18) -> onnx.ModelProto:
    """synthetic = clip(2 source - 1000)."""
    constants = {"gain": GAIN, "offset": OFFSET, "low": LOW, "high": HIGH}
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["source", "gain"], ["scaled"]),
            helper.make_node("Add", ["scaled", "offset"], ["moved"]),
            helper.make_node("Clip", ["moved", "low", "high"], ["synthetic"]),
        ],
        "translator",
        [helper.make_tensor_value_info("source", TensorProto.FLOAT, ["batch", 1, *spec.tiling.patch])],
        [helper.make_tensor_value_info("synthetic", TensorProto.FLOAT, ["batch", 1, *spec.tiling.core])],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


@pytest.fixture(scope="session", autouse=True)
def users_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's cache, away from the real one; kept between tests, so that a model is tried once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "mtranslate"


@pytest.fixture
def spec() -> Spec:
    return make_spec()


@pytest.fixture
def graph(spec: Spec) -> onnx.ModelProto:
    return make_graph(spec)


@pytest.fixture
def seal(tmp_path: Path, spec: Spec) -> Callable[..., Path]:
    """Write a graph as a model file with a right hash; the spec and its text can be replaced."""

    def write(graph: onnx.ModelProto, spec: Spec = spec, name: str = "model.onnx") -> Path:
        path = tmp_path / name
        path.write_bytes(sealed(graph, spec, "A card.", "tests", "Apache-2.0"))
        return path

    return write


@pytest.fixture
def model(seal: Callable[..., Path], graph: onnx.ModelProto) -> Path:
    return seal(graph)


@pytest.fixture
def head() -> Volume:
    """A bright ball in noise, oblique and in LPS order, of odd sizes."""
    random = np.random.default_rng(3)
    place = np.indices((13, 12, 11)) - np.array([6, 6, 5])[:, None, None, None]
    array = 400.0 * ((place**2).sum(axis=0) < 20) + random.uniform(0, 20, (13, 12, 11))
    tilt = np.array([[0.99, 0.0, -0.1411], [0.0, 1.0, 0.0], [0.1411, 0.0, 0.99]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = tilt @ np.diag([-2.0, -2.0, 3.0]), (10, 20, -30)
    return Volume.of(array, affine)


@pytest.fixture
def scans(tmp_path: Path, head: Volume) -> Path:
    """A folder with two volumes in a tree, and one that is damaged."""
    folder = tmp_path / "scans"
    (folder / "b").mkdir(parents=True)
    write_volume(folder / "a.nii.gz", head)
    write_volume(folder / "b" / "c.nii", head)
    (folder / "b" / "damaged.nii.gz").write_bytes(b"\x1f\x8b no volume at all")
    return folder


@pytest.fixture
def resident() -> Callable[[np.ndarray], int]:
    """Bytes of memory that hold the file of an array on disk, by the kernel's account."""
    smaps = Path("/proc/self/smaps")
    if not smaps.exists():
        pytest.skip("reads the kernel's account of memory")

    def of(array: np.ndarray) -> int:
        start = f"{np.asarray(array).__array_interface__['data'][0]:x}-"
        lines = iter(smaps.read_text().splitlines())
        assert any(line.startswith(start) for line in lines)
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Rss:"))

    return of


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than a training of a few steps; tests/training/test_session.py asks for the pictures."""
    for name in ("write_curves", "write_preview"):
        monkeypatch.setattr(f"modality_translate.training.session.{name}", lambda *_: None)
