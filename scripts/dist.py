"""`make dist`: sdist and wheel into dist/, and proof that the wheel works where nothing else of ours is.

The metadata are whole, the unpacked sdist gives the same wheel, byte for byte, and what the wheel installs does its
work in a new virtual environment: see `smoke`.

python -m scripts.dist [--python PYTHON] [--tag TAG]
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

from scripts.smoke import INSTALL_S, ROOT, UV, Broken, say, smoke, told

DIST = ROOT / "dist"


def main() -> int:
    """0 if what lies in dist/ may be published; else what is wrong is said."""
    options = argparse.ArgumentParser(description="Build sdist and wheel, and try the wheel by itself.")
    options.add_argument("--python", default=sys.executable, help="the Python that the wheel is tried on")
    options.add_argument("--tag", help="the tag that is to be published: it must say the version")
    given = options.parse_args()
    try:
        with tempfile.TemporaryDirectory() as place:
            sdist, wheel = build()
            version = check_metadata(wheel)
            if given.tag is not None:
                check_tag(given.tag, version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
            check_same_again(sdist, wheel, Path(place))
            smoke(wheel, Path(place), given.python, version)
    except (Broken, subprocess.TimeoutExpired) as error:
        print(f"Not to be published: {error}", file=sys.stderr)
        return 1
    return 0


def build() -> tuple[Path, Path]:
    shutil.rmtree(DIST, ignore_errors=True)
    built(ROOT, DIST, "--sdist", "--wheel")
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    say(" and ".join(f"{each.name} ({each.stat().st_size // 1000} kB)" for each in (sdist, wheel)) + " are in dist/.")
    return sdist, wheel


def built(source: Path, out: Path, *kinds: str) -> None:
    """By the build backend that the lock for development has, and no other."""
    locked = ("--build-constraint", ROOT / "requirements-dev.lock", "--require-hashes")
    told(UV, "build", *kinds, "--quiet", *locked, "--out-dir", out, source, seconds=INSTALL_S)


def check_metadata(wheel: Path) -> str:
    """The version that they say. Raises Broken if they are not as the standard has them, or without the README."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        text = archive.read(name)
    try:
        metadata = Metadata.from_email(text, validate=True)
    except ExceptionGroup as wrong:
        raise Broken(f"metadata: {'; '.join(map(str, wrong.exceptions))}") from None
    if metadata.description != (ROOT / "README.md").read_text(encoding="utf-8"):
        raise Broken("metadata: the description is not README.md")
    return str(metadata.version)


def check_tag(tag: str, version: str, changelog: str) -> None:
    """Raises Broken if the tag is not the version's, or if the changelog has no chapter of it."""
    if tag != f"v{version}":
        raise Broken(f"the tag {tag} is not v{version}: pyproject.toml says the version")
    if not re.search(rf"^## \[{re.escape(version)}\]", changelog, re.MULTILINE):
        raise Broken(f"CHANGELOG.md has no heading [{version}]")


def check_same_again(sdist: Path, wheel: Path, place: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "sdist", filter="data")
    built(place / "sdist" / sdist.name.removesuffix(".tar.gz"), place / "again", "--wheel")
    if (place / "again" / wheel.name).read_bytes() != wheel.read_bytes():
        raise Broken("the unpacked sdist gives another wheel")
    say("The unpacked sdist gives the same wheel, byte for byte.")


if __name__ == "__main__":
    sys.exit(main())
