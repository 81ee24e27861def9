"""Facts about the machine and the software, and the settings that make this process quick."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = (
    "secondopinion",
    "accelerate",
    "datasets",
    "evaluate",
    "huggingface_hub",
    "numpy",
    "peft",
    "scikit-learn",
    "skops",
    "tokenizers",
    "torch",
    "transformers",
)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_pages() -> bool:
    """Tell glibc to keep freed pages instead of returning them to the system; True where it worked.

    Training and scoring allocate and free activations of changing size all the time; handing the pages
    back costs about a fifth of the time on a CPU. The counterpart of `MALLOC_TRIM_THRESHOLD_` and
    `MALLOC_MMAP_THRESHOLD_` (mallopt(3)), set in the running process.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    limit = 2**31 - 1
    return bool(libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30) and libc.mallopt(_M_TRIM_THRESHOLD, limit))


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that decide a result, those that are installed."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def cpu_name() -> str:
    """Return the processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cpu_count() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_threads() -> int:
    """Return how many threads this process computes with: its cores, or fewer where `OMP_NUM_THREADS` says so."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(cpu_count(), int(told)) if told.isdigit() and int(told) else cpu_count()


def hardware() -> dict[str, Any]:
    """Return processor, cores, memory and accelerators; no host name, no user, no path."""
    facts: dict[str, Any] = {"cpu": cpu_name(), "cores": cpu_count(), "system": platform.system()}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        facts["memory_gib"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available():
            facts["accelerators"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return facts


def bf16_supported() -> bool:
    """Whether this machine multiplies in bf16 natively (a CUDA card that has it, or a CPU with AVX-512 BF16)."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    info = Path("/proc/cpuinfo")
    return info.exists() and any(flag in info.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def code_revision() -> str | None:
    """Return the commit of the source checkout this package runs from, or None when installed from a wheel."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
