"""What others wrote and the package carries: unchanged, listed, licensed, and not too much."""

from __future__ import annotations

import gzip
import hashlib

import pytest

from modality_translate.viewer.assets import WEB

VENDOR = WEB / "vendor"
SUMS = dict(reversed(line.split("  ")) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())


@pytest.mark.parametrize("name", SUMS)
def test_a_file_is_the_one_that_was_fetched(name: str):
    packed = VENDOR / f"{name}.gz"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else (VENDOR / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == SUMS[name]


def test_every_file_is_listed_and_named_in_the_licences():
    texts = {"SHA256SUMS", "LICENSES.txt", "onnxruntime-ThirdPartyNotices.txt"}
    assert {path.name.removesuffix(".gz") for path in VENDOR.iterdir()} - texts == set(SUMS)
    licences = (VENDOR / "LICENSES.txt").read_text()
    assert all(name in licences for name in SUMS)
    assert all(words in licences for words in ("MIT License", "BSD 2-Clause License", "Copyright (c) Microsoft"))


def test_the_package_stays_small():
    assert sum(path.stat().st_size for path in VENDOR.iterdir()) < 7 * 2**20
