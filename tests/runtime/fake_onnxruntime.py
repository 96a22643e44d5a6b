"""An onnxruntime with a GPU that works, or fails, as a test says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"


class FakeValue:
    """A place in a GPU's memory."""

    def __init__(self, shape: list[int]) -> None:
        self.array = np.zeros(shape, np.float32)

    def update_inplace(self, array: np.ndarray) -> None:
        assert array.shape == self.array.shape
        assert array.flags.c_contiguous
        self.array[:] = array

    def numpy(self) -> np.ndarray:
        return self.array.copy()


class FakeRunOptions:
    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_run_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value


class FakeBinding:
    def bind_ortvalue_input(self, name: str, value: FakeValue) -> None:
        assert name == "source"
        self.source = value

    def bind_ortvalue_output(self, name: str, value: FakeValue) -> None:
        assert name == "synthetic"
        self.synthetic = value


class FakeSession:
    """Adds one; holds so many patches at once. `stale`: what was recorded is replayed with what it read then."""

    def __init__(self, granted: str, fails: str = "", holds: int = 1000, stale: bool = False) -> None:
        self.granted, self.fails, self.holds, self.stale = granted, fails, holds, stale
        self.shapes: list[tuple[int, ...]] = []
        self.recorded: dict[str, tuple[FakeBinding, np.ndarray]] = {}

    def get_providers(self) -> list[str]:
        return [self.granted]

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="source", shape=["n", 1, 8, 8, 8], type="tensor(float)")]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="synthetic", shape=["n", 1, 8, 8, 8], type="tensor(float)")]

    def io_binding(self) -> FakeBinding:
        return FakeBinding()

    def run(self, names: list[str], feed: dict[str, Any]) -> list[Any]:
        return [self._answer(feed["source"])]

    def run_with_iobinding(self, binding: FakeBinding, options: FakeRunOptions) -> None:
        recording = options.entries["gpu_graph_id"]
        answer = self._answer(binding.source.array)
        if recording != "-1":
            before, first = self.recorded.setdefault(recording, (binding, answer))
            assert before is binding, "a replay writes to the places of its recording"
            answer = first if self.stale else answer
        binding.synthetic.array[:] = answer

    def _answer(self, patches: np.ndarray) -> np.ndarray:
        if self.fails:
            raise RuntimeError(self.fails)
        if len(patches) > self.holds:
            raise RuntimeError("Failed to allocate memory for requested buffer\nmore")
        self.shapes.append(patches.shape)
        return patches + 1


class FakeRuntime:
    """`granted` is the provider that sessions really get, `refuses` what they answer to recording."""

    __version__ = "9.9"
    SessionOptions = SimpleNamespace
    RunOptions = FakeRunOptions
    OrtValue = SimpleNamespace(ortvalue_from_shape_and_type=lambda shape, dtype, kind, index: FakeValue(shape))

    def __init__(
        self, granted: str = CUDA, fails: str = "", holds: int = 1000, stale: bool = False, refuses: str = ""
    ) -> None:
        self.granted, self.refuses = granted, refuses
        self.behaviour = {"fails": fails, "holds": holds, "stale": stale}
        self.asked: list[Any] = []
        self.threads: list[int] = []
        self.session: FakeSession | None = None

    def get_available_providers(self) -> list[str]:
        return [TENSORRT, CUDA, CPU]

    def set_default_logger_severity(self, level: int) -> None:
        pass

    def preload_dlls(self) -> None:
        print("Failed to load libcublasLt.so.13: cannot open shared object file")

    def InferenceSession(self, data: bytes, sess_options: Any, providers: list[Any]) -> FakeSession:
        self.asked.append(providers)
        self.threads.append(sess_options.intra_op_num_threads)
        if self.refuses and providers[0] != CPU and providers[0][1].get("enable_cuda_graph") == "1":
            raise RuntimeError(self.refuses)
        granted = CPU if providers[0] == CPU else self.granted
        self.session = FakeSession(granted, **self.behaviour)
        return self.session
