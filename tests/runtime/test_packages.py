from __future__ import annotations

from importlib import metadata

import pytest

from modality_translate.runtime.packages import Package, install_line, installed_packages


def test_packages_are_those_the_distribution_names(monkeypatch: pytest.MonkeyPatch):
    lines = ["numpy>=2.0", 'no-such-package>=1; extra == "gpu"', "other>=1 ; python_version > '3' and extra == 'cpu'"]
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    found = installed_packages()
    assert found[0] == Package("numpy", "", metadata.version("numpy"))
    assert found[1:] == (Package("no-such-package", "gpu", ""), Package("other", "cpu", ""))


def test_the_install_line_names_the_extra():
    assert install_line("gpu") == "pip install 'modality-translate[gpu]'"
    assert install_line("") == "pip install modality-translate"
