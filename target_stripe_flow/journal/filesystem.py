"""What kind of disk a journal is on."""

from __future__ import annotations

from pathlib import Path

# File systems that live on another machine: their locks and their syncs do not always mean what they say.
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
    """The kind of the network file system that `path` is on, None for a disk of this machine.

    `mounts` is the text of /proc/mounts.
    """
    place = str(path.resolve())
    mounted_at = ""
    kind = ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(mounted_at):
            mounted_at, kind = point, fields[2]
    return kind if kind in _REMOTE else None


def read_mounts() -> str:
    """Empty where the system has no such list."""
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
