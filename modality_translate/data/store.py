"""Every training volume prepared once by the pipeline, in memory-mapped files, so that memory stays bounded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modality_translate.data.registration import Registrar
from modality_translate.data.subjects import Case
from modality_translate.intensities.foreground import body_mask
from modality_translate.pipeline.body import darkest_body, skip_level
from modality_translate.pipeline.envelope import Measured, envelope_of, measure
from modality_translate.pipeline.prepare import Prepared, host_background, prepare, prepare_target
from modality_translate.pipeline.spec import Channel, Envelope, Spec
from modality_translate.volumes.nifti import read_volume
from modality_translate.volumes.volume import Array, Volume

Stored = NDArray[np.int16]
Points = NDArray[np.int32]
Watch = Callable[[int, int], None]

FULL = 32767
"""[-1, 1] is kept as 16-bit integers: half of float32's size, and a step of 0.06 HU over a window of 4095 HU."""
MOST_POINTS = 65536
LAYOUT = 5
"""Of the files; raised when they change, so that no older cache is opened."""
SIDES = ("source", "target")


@dataclass(frozen=True)
class Entry:
    """One training case in the store; arrays are (X, Y, Z) int16, `FULL` standing for 1."""

    name: str
    file: Path
    """Common beginning of the case's files."""
    has_source: bool
    has_target: bool

    def source(self) -> Stored:
        return _opened(f"{self.file}-source.npy")

    def target(self) -> Stored:
        return _opened(f"{self.file}-target.npy")

    def body(self) -> NDArray[np.bool_]:
        """Where the patient is: where a pair is scored (see `scored_body`), or the body of an unpaired volume."""
        return _opened(f"{self.file}-body.npy")

    def points(self) -> Points:
        """(n, 3) voxel indices inside the body."""
        return _opened(f"{self.file}-points.npy")


@dataclass(frozen=True)
class Store:
    """The prepared training cases and the envelopes of their raw source and target volumes."""

    entries: tuple[Entry, ...]
    source_envelope: Envelope
    target_envelope: Envelope
    source_level: float | None
    """At and below it nothing is run (`Tiling.skip_below`), in host units of the source; none where air is not dark."""
    target_level: float | None
    """The same of the targets, for the way back."""


class Looked(NamedTuple):
    """What one prepared volume was like."""

    measured: Measured
    darkest: float
    """See `darkest_body`."""


def build_store(
    cases: tuple[Case, ...],
    spec: Spec,
    backward: Spec,
    folder: Path,
    watch: Watch | None = None,
    registrar: Registrar | None = None,
) -> Store:
    """Prepare `cases` into `folder`, but for those that an earlier call left there for the same files and settings.

    `backward` is the spec with swapped roles; unpaired targets are prepared as its sources. `watch(done, total)` is
    called after every case from the first one that is prepared. With a `registrar`, the sources of pairs are moved
    onto their targets. Raises `VolumeError` for a volume that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = _settings(spec, registered=registrar is not None)
    entries = tuple(_entry(i, case, folder) for i, case in enumerate(cases))
    looked: dict[str, list[Looked]] = {side: [] for side in SIDES}
    fresh = False
    for done, (case, entry) in enumerate(zip(cases, entries, strict=True)):
        key = _key(case, settings)
        seen = _known(entry.file, key)
        if seen is None:
            # A note of other settings must not outlive the arrays it was about.
            Path(f"{entry.file}.json").unlink(missing_ok=True)
            fresh, seen = True, _store_case(case, spec, backward, entry.file, registrar)
            _note(entry.file, key, seen)
        for side, one in seen.items():
            looked[side].append(one)
        if fresh and watch is not None:
            watch(done + 1, len(cases))
    envelopes = [envelope_of(seen.measured for seen in looked[side]) for side in SIDES]
    levels = [
        skip_level(host_background(channel), (seen.darkest for seen in looked[side]))
        for side, channel in zip(SIDES, (spec.source, spec.target), strict=True)
    ]
    return Store(entries, *envelopes, *levels)


def quantised(scaled: Array) -> Stored:
    """[-1, 1] to 16-bit integers."""
    return np.rint(np.clip(scaled, -1.0, 1.0) * FULL).astype(np.int16)


def background(channel: Channel) -> int:
    """The stored value of air: what translation pads with, too."""
    air = np.array([host_background(channel)], np.float32)
    return int(quantised(channel.scaling.fixed.forward(air))[0])


def _opened(path: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _entry(index: int, case: Case, folder: Path) -> Entry:
    return Entry(case.name, folder / f"{index:05d}", case.source is not None, case.target is not None)


def _store_case(case: Case, spec: Spec, backward: Spec, file: Path, registrar: Registrar | None) -> dict[str, Looked]:
    """Prepare one case into its files; what its volumes look like, by side."""
    if case.source is None:
        assert case.target is not None
        volume = read_volume(case.target)
        body = _save(file, "target", prepared := prepare(volume, backward), backward.source)
        return {"target": _look(volume, prepared.array, body, backward.source)}
    volume = read_volume(case.source)
    prepared = prepare(volume, spec)
    if case.target is None:
        body = _save(file, "source", prepared, spec.source)
        return {"source": _look(volume, prepared.array, body, spec.source)}
    target = read_volume(case.target)
    answer = prepare_target(target, prepared, spec)
    if registrar is not None:
        prepared = registrar(case.name, prepared, answer, scored_body(prepared, answer, spec))
    source = prepared.array
    _save_array(file, "source", source, spec.source)
    _save_array(file, "target", answer, spec.target)
    body = scored_body(prepared, answer, spec)
    _save_body(file, body)
    own = body_mask(source, spec.source.modality, prepared.grid.spacing)
    return {"source": _look(volume, source, own, spec.source), "target": _look(target, answer, body, spec.target)}


def _look(volume: Volume, prepared: Array, body: NDArray[np.bool_], channel: Channel) -> Looked:
    return Looked(measure(volume, channel.modality), darkest_body(prepared, body))


def scored_body(prepared: Prepared, target: Array, spec: Spec) -> NDArray[np.bool_]:
    """The patient on the prepared grid, (X, Y, Z): of the CT where one side is a CT, else of the target."""
    if spec.source.modality == "CT":
        return body_mask(prepared.array, "CT", prepared.grid.spacing)
    return body_mask(target, spec.target.modality, prepared.grid.spacing)


def _save(file: Path, side: str, prepared: Prepared, channel: Channel) -> NDArray[np.bool_]:
    """An unpaired volume; its body."""
    _save_array(file, side, prepared.array, channel)
    body = body_mask(prepared.array, channel.modality, prepared.grid.spacing)
    _save_body(file, body)
    return body


def _save_body(file: Path, mask: NDArray[np.bool_]) -> None:
    """The mask, and points inside it."""
    np.save(f"{file}-body.npy", mask)
    inside = np.flatnonzero(mask) if mask.any() else np.arange(mask.size)
    if inside.size > MOST_POINTS:
        inside = np.random.default_rng(0).choice(inside, MOST_POINTS, replace=False)
    np.save(f"{file}-points.npy", np.stack(np.unravel_index(inside, mask.shape), axis=1).astype(np.int32))


def _save_array(file: Path, side: str, array: Array, channel: Channel) -> None:
    np.save(f"{file}-{side}.npy", quantised(channel.scaling.fixed.forward(array)))


def _known(file: Path, key: str) -> dict[str, Looked] | None:
    """What the volumes of a case looked like, if it was prepared to its end under `key`."""
    try:
        noted = json.loads(Path(f"{file}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if noted["key"] != key:
        return None
    return {side: Looked(Measured(*measured), darkest) for side, (measured, darkest) in noted["looked"].items()}


def _note(file: Path, key: str, looked: dict[str, Looked]) -> None:
    """That a case is prepared: after its arrays, so that a killed preparation goes on with the case it was at."""
    unfinished = Path(f"{file}.part")
    unfinished.write_text(json.dumps({"key": key, "looked": looked}), "utf-8")
    unfinished.replace(f"{file}.json")


def _settings(spec: Spec, *, registered: bool) -> str:
    """Everything that `prepare` reads from the spec, and whether pairs are registered."""
    channels = [channel.model_dump(mode="json") for channel in (spec.source, spec.target)]
    return json.dumps([LAYOUT, *channels, spec.spacing, registered])


def _key(case: Case, settings: str) -> str:
    """Changes with the case's files (size, time) and with `settings`."""
    files = [_stamp(path) for path in (case.source, case.target)]
    return hashlib.sha256(json.dumps([case.name, files, settings]).encode()).hexdigest()


def _stamp(path: Path | None) -> list[int]:
    if path is None:
        return []
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
