"""What every benchmark prints first."""

from __future__ import annotations

from secondopinion.core.machine import hardware, package_versions


def machine_line() -> str:
    """Return processor, cores, memory and versions on one line."""
    machine, versions = hardware(), package_versions()
    shown = ", ".join(f"{name} {versions[name]}" for name in ("python", "torch", "transformers", "scikit-learn"))
    return f"{machine['cpu']}, {machine['cores']} cores, {machine.get('memory_gib', '?')} GiB; {shown}"
