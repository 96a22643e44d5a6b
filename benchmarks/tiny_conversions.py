"""Conversions of a fraction of a second, for the measurements of kills, of failing disks and of shared folders.

Each is a whole `mtranslate convert` in a process of its own, forked from one that has imported everything already.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.ndimage  # like the next ones, so that the forked processes find it imported
import scipy.sparse  # noqa: F401
import skimage.filters  # noqa: F401

import modality_translate.runtime.folder  # noqa: F401
from modality_translate.cli import convert  # noqa: F401
from modality_translate.cli.main import main
from modality_translate.volumes import Volume, write_volume
from modality_translate.volumes.atomic import TEMPORARY_SUFFIX

SHAPE = (24, 24, 8)
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}


def make_volumes(folder: Path, count: int) -> None:
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        array = random.uniform(0, 400, SHAPE).astype(np.float32)
        write_volume(folder / f"{number:03}.nii.gz", Volume.of(array, np.diag([2.0, 2, 3, 1])), overwrite=True)


def write_model(path: Path) -> None:
    """By a process of its own: threads of torch would not survive being forked."""
    code = "import sys, pathlib, random_model as r; r.write_random_model(pathlib.Path(sys.argv[1]), (16, 16), 4, 2)"
    subprocess.run([sys.executable, "-c", code, path], check=True, cwd=Path(__file__).parent, env=ENVIRONMENT)


def command(model: Path, source: Path, out: Path, *more: object) -> list[str]:
    return ["convert", *map(str, ("-m", model, "-i", source, "-o", out, "-d", "cpu", "--threads", 1, *more))]


def start(words: list[str], told: Path, prepare: Callable[[], None] = lambda: None) -> int:
    """The process number of `mtranslate words`; what it says goes to the file `told`."""
    pid = os.fork()
    if pid:
        return pid
    try:
        handle = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.argv = ["mtranslate", *words]
        prepare()
        main()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(99)


def ended(pid: int) -> int:
    """Wait for the end of a process: its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def volumes(folder: Path) -> dict[str, bytes]:
    """Files under final names."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.nii.gz")) if path.name[0] != "."}


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(f".*{TEMPORARY_SUFFIX}")]


def damaged(folder: Path, whole: dict[str, bytes]) -> list[str]:
    """Files under final names that are not, to the byte, what an undisturbed run wrote."""
    return [name for name, data in volumes(folder).items() if whole.get(name) != data]
