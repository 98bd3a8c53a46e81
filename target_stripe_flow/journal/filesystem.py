"""What the mounts of this machine say about a journal: whether it is on a network file system, or itself a mount."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

# On these file systems a lock may not lock, and a sync may not write to a disk.
# https://www.sqlite.org/faq.html#q5
_REMOTE = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "fuse.sshfs",
    "fuse.s3fs",
}


def remote_file_system(path: Path, mounts: str) -> str | None:
    """The type of the network file system that `path` is on, None for a disk of this machine.

    `mounts` is the text of /proc/mounts.
    """
    file = str(path.resolve())
    mounted_at = ""
    kind = ""
    for point, kind_of_point in _points(mounts):
        is_inside = file == point or file.startswith(point.rstrip("/") + "/")
        if is_inside and len(point) >= len(mounted_at):
            mounted_at, kind = point, kind_of_point
    return kind if kind in _REMOTE else None


def is_mounted_alone(path: Path, mounts: str) -> bool:
    """Whether the file itself is a mount, as by `docker run -v journal.db:/journal.db`, rather than its folder."""
    return str(path.resolve()) in {point for point, _ in _points(mounts)}


def _points(mounts: str) -> Iterator[tuple[str, str]]:
    """Each mount point, and the type of its file system."""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) >= 3:
            yield fields[1].replace("\\040", " "), fields[2]


def read_mounts() -> str:
    """The text of /proc/mounts, empty on a system without it."""
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
