"""Sessions of onnxruntime, which say nothing on stdout or stderr and whose failures are the project's errors."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from modality_translate.errors import DeviceError
from modality_translate.runtime.engine import first_line, loading_error

CPU = "CPUExecutionProvider"
_FATAL_ONLY = 4


def new_session(runtime: Any, data: bytes, providers: list[Any], threads: int | None, subject: str) -> Any:
    """The graph in `data` on `providers`, with `threads` CPU threads (onnxruntime's choice when None).

    Raises `ModelError` for a graph that does not load, `DeviceError` where a GPU refuses it.
    """
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = _FATAL_ONLY
    runtime.set_default_logger_severity(_FATAL_ONLY)
    try:
        with printed_nothing():
            return runtime.InferenceSession(data, sess_options=options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no base class
        if providers[0] != CPU:
            raise DeviceError("cuda", f"could not be started: {first_line(error)}", "Use -d cpu.") from error
        raise loading_error(error, subject) from error


@contextlib.contextmanager
def printed_nothing() -> Iterator[io.StringIO]:
    """onnxruntime prints banners to stdout, which is for results."""
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        yield caught
