"""Runs on a GPU between places in its memory that stay, so that they can be recorded as CUDA graphs and replayed."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from modality_translate.errors import DeviceError
from modality_translate.runtime.engine import Array, running_error
from modality_translate.volumes.volume import Shape

_NOT_RECORDED = "-1"


class _Places(NamedTuple):
    source: Any
    synthetic: Any
    binding: Any


class Recorded:
    """A `Predict` of `session` on `device`, its kind and number; not the CPU's, where answers would share memory.

    The first run of each number of patches is recorded, if the session records, and replayed from then on: the GPU
    waits for no launch. Places are kept for every number, since replays write to them. Threads take turns.
    """

    def __init__(self, runtime: Any, session: Any, device: tuple[str, int], core: Shape, subject: str) -> None:
        self._runtime, self._session, self._device = runtime, session, device
        self._core, self._subject = core, subject
        self._places: dict[int, _Places] = {}
        self._lock = threading.Lock()

    def __call__(self, patches: Array) -> Array:
        """(N, 1, X, Y, Z) to (N, 1, *core). Raises `DeviceError` or `ModelError` as running the session does."""
        return self._run(patches, str(len(patches)))

    def check(self, patches: Array) -> None:
        """Raise `DeviceError` unless `patches` have the same answer when replayed after others as when not recorded."""
        plain = self._run(patches, _NOT_RECORDED)
        self(patches[..., ::-1])
        replayed = self(patches)
        if not np.allclose(replayed, plain, rtol=1e-4, atol=1e-4 * float(np.abs(plain).max())):
            kind, index = self._device
            raise DeviceError(f"{kind}:{index}", "replayed another answer.")

    def _run(self, patches: Array, recording: str) -> Array:
        options = self._runtime.RunOptions()
        options.add_run_config_entry("gpu_graph_id", recording)
        with self._lock:
            try:
                places = self._placed(patches.shape)
                places.source.update_inplace(np.ascontiguousarray(patches, np.float32))
                self._session.run_with_iobinding(places.binding, options)
                answer: Array = places.synthetic.numpy()
            except Exception as error:  # onnxruntime's exceptions share no base class
                raise running_error(error, self._subject) from error
        return answer

    def _placed(self, shape: tuple[int, ...]) -> _Places:
        if shape[0] not in self._places:
            source, synthetic = self._place(shape), self._place((shape[0], 1, *self._core))
            binding = self._session.io_binding()
            binding.bind_ortvalue_input(self._session.get_inputs()[0].name, source)
            binding.bind_ortvalue_output(self._session.get_outputs()[0].name, synthetic)
            self._places[shape[0]] = _Places(source, synthetic, binding)
        return self._places[shape[0]]

    def _place(self, shape: tuple[int, ...]) -> Any:
        return self._runtime.OrtValue.ortvalue_from_shape_and_type(list(shape), np.float32, *self._device)
