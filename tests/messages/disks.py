"""Disks and folders that take nothing more, as command lines before the real one's."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.support.needs import need

# Drops root's right to write whatever there is (CAP_DAC_OVERRIDE) from what the program after it may ever have.
_OBEDIENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""


def with_permissions(line: Sequence[str]) -> list[str]:
    """Root obeys permissions, too."""
    return [sys.executable, "-c", _OBEDIENT, *line]


def with_short_files(line: Sequence[str], most_bytes: int) -> list[str]:
    """No file grows beyond this (RLIMIT_FSIZE): what a quota does, everywhere and without any rights."""
    return [need("prlimit", "util-linux"), f"--fsize={most_bytes}", *line]


def with_small_disk(line: Sequence[str], folder: str, size: str) -> list[str]:
    """The folder is a disk of this size, for this process alone."""
    return _namespaced(f"mount -t tmpfs -o size={size} small {folder}", line)


def with_read_only_disk(line: Sequence[str], folder: str) -> list[str]:
    """Nothing in the folder can be written, whoever one is."""
    return _namespaced(f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}", line)


def _namespaced(mount: str, line: Sequence[str]) -> list[str]:
    if not _may_mount():
        # No program is missing: a container without rights, or a kernel that is told so, forbids it. What is
        # forbidden there is tried with `with_short_files` and `with_permissions` all the same.
        pytest.skip("no disk can be mounted here, not even in a namespace of its own")
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", *line]


@functools.cache
def _may_mount() -> bool:
    tried = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(tried, check=False, capture_output=True, timeout=30).returncode == 0
    except FileNotFoundError:
        return False
