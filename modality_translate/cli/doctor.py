"""`mtranslate doctor`: what is installed, and what really works. Never imports torch."""

from __future__ import annotations

from typing import Any

import click

from modality_translate.cli import options

ENGINE_EXTRAS = ("cpu", "gpu")


@click.command("doctor")
@options.as_json
def command(as_json: bool) -> int:
    """Say what is installed, what is missing and how to get it, and which engines really work on which devices.

    An engine works where it has loaded a small model and computed with it. Exit code 1 when none does.

    Example: mtranslate doctor
    """
    import json

    found = _findings()
    click.echo(json.dumps(found, indent=1) if as_json else _as_text(found))
    return 0 if any(device["works"] for device in found["devices"]) else 1


def _findings() -> dict[str, Any]:
    import platform
    from dataclasses import asdict

    from modality_translate.runtime.cores import usable_cores
    from modality_translate.runtime.devices import probe_devices
    from modality_translate.runtime.packages import installed_packages

    packages: dict[str, dict[str, str]] = {}
    for package in installed_packages():
        packages.setdefault(package.extra or "base", {})[package.name] = package.version
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": usable_cores(),
        "free_memory_gb": _free_memory(),
        "packages": _wanted(packages),
        "devices": [asdict(device) | {"works": device.works} for device in probe_devices()],
    }


def _free_memory() -> float | None:
    """GiB available to new programs; unknown outside Linux."""
    from pathlib import Path

    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    return round(int(values["MemAvailable"].split()[0]) / 2**20, 1)


def _as_text(found: dict[str, Any]) -> str:
    memory = found["free_memory_gb"]
    lines = [
        f"Python {found['python']} on {found['system']}, {found['cores']} cores"
        + (f", {memory} GiB memory free" if memory is not None else ""),
    ]
    for extra, packages in found["packages"].items():
        lines += _package_lines(extra, packages)
    if all(_installed(found["packages"], extra) for extra in ENGINE_EXTRAS):
        lines.append("  cpu and gpu are installed over each other: uninstall both, then install one of them")
    lines.append("Engines")
    for device in found["devices"]:
        verdict = "works" if device["works"] else f"does not work: {device['reason']}"
        lines.append(f"  {device['engine']} on {device['name']}: {verdict}")
    return "\n".join(lines)


def _installed(packages: dict[str, dict[str, str]], extra: str) -> bool:
    return all(packages.get(extra, {"": ""}).values())


def _wanted(packages: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Without the developers' tools, and without the engine package that must not be put over the other."""
    left_out = {"dev"}
    if any(_installed(packages, extra) for extra in ENGINE_EXTRAS):
        left_out |= {extra for extra in ENGINE_EXTRAS if not _installed(packages, extra)}
    if "gpu" in left_out:
        left_out |= {"cuda", "tensorrt"}
    return {extra: named for extra, named in packages.items() if extra not in left_out}


def _package_lines(extra: str, packages: dict[str, str]) -> list[str]:
    from modality_translate.runtime.packages import install_line

    present = [f"{name} {version}" for name, version in packages.items() if version]
    missing = [name for name, version in packages.items() if not version]
    lines = [f"{extra}: {', '.join(present) or 'not installed'}"]
    if missing:
        line = install_line("" if extra == "base" else extra)
        lines.append(f"  missing {', '.join(missing)}; if you need it: {line}")
    return lines
