"""Where a journal is: the setting journal_url → a file, and what kind of disk that is on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from stripe_flow.api.errors import Misconfigured

JOURNAL_FILE = "stripe-flow-journal.db"
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


def journal_path(config: Mapping[str, object]) -> Path:
    """The SQLite file; relative ones are below the Meltano project, if there is one. Raises Misconfigured."""
    base = Path(os.environ.get("MELTANO_PROJECT_ROOT", "."))
    given = config.get("journal_url")
    if not given:
        return base / JOURNAL_FILE
    try:
        url = make_url(str(given))
    except ArgumentError:
        raise Misconfigured(
            "setting journal_url is no URL: write sqlite:////absolute/path.db, or sqlite:///relative/path.db"
        ) from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:" or url.query:
        raise Misconfigured(
            "setting journal_url must name an SQLite file: sqlite:////absolute/path.db, or sqlite:///relative/path.db"
        )
    return base / url.database


def remote_file_system(path: Path, mounts: str) -> str | None:
    """The kind of the network file system that `path` is on, None for a disk of this machine.

    `mounts` is the text of /proc/mounts.
    """
    place = str(path.resolve())
    held = ""
    kind = ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(held):
            held, kind = point, fields[2]
    return kind if kind in _REMOTE else None


def read_mounts() -> str:
    """Empty where the system has no such list."""
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
