"""`make dist`: build sdist and wheel into dist/, and check that the wheel works by itself.

The metadata must be valid, the unpacked sdist must build the same wheel byte for byte, and the wheel must work in a new
virtual environment: see `smoke`.

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

from scripts.smoke import INSTALL_S, ROOT, UV, Broken, run_command, say, smoke

DIST = ROOT / "dist"


def main() -> int:
    """0 if the files in dist/ may be published; otherwise prints what is wrong."""
    parser = argparse.ArgumentParser(description="Build sdist and wheel, and test the wheel by itself.")
    parser.add_argument("--python", default=sys.executable, help="the Python to test the wheel with")
    parser.add_argument("--tag", help="the tag to publish: it must match the version")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            sdist, wheel = build()
            version = check_metadata(wheel)
            if options.tag is not None:
                check_tag(options.tag, version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
            check_rebuild(sdist, wheel, Path(folder))
            smoke(wheel, Path(folder), options.python, version)
    except (Broken, subprocess.TimeoutExpired) as error:
        print(f"Not to be published: {error}", file=sys.stderr)
        return 1
    return 0


def build() -> tuple[Path, Path]:
    shutil.rmtree(DIST, ignore_errors=True)
    build_from(ROOT, DIST, "--sdist", "--wheel")
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    say(" and ".join(f"{file.name} ({file.stat().st_size // 1000} kB)" for file in (sdist, wheel)) + " are in dist/.")
    return sdist, wheel


def build_from(source: Path, out: Path, *kinds: str) -> None:
    """Build with the backend of requirements-dev.lock."""
    locked = ("--build-constraint", ROOT / "requirements-dev.lock", "--require-hashes")
    run_command(UV, "build", *kinds, "--quiet", *locked, "--out-dir", out, source, seconds=INSTALL_S)


def check_metadata(wheel: Path) -> str:
    """The version in the metadata. Raises Broken if they are not valid, or the description is not the README."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name)
    try:
        metadata = Metadata.from_email(text, validate=True)
    except ExceptionGroup as wrong:
        raise Broken(f"metadata: {'; '.join(map(str, wrong.exceptions))}") from None
    if metadata.description != (ROOT / "README.md").read_text(encoding="utf-8"):
        raise Broken("metadata: the description is not README.md")
    return str(metadata.version)


def check_tag(tag: str, version: str, changelog: str) -> None:
    """Raises Broken if the tag does not match the version, or if the changelog has no heading for it."""
    if tag != f"v{version}":
        raise Broken(f"the tag {tag} is not v{version}, the version in pyproject.toml")
    if not re.search(rf"^## \[{re.escape(version)}\]", changelog, re.MULTILINE):
        raise Broken(f"CHANGELOG.md has no heading [{version}]")


def check_rebuild(sdist: Path, wheel: Path, folder: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "sdist", filter="data")
    build_from(folder / "sdist" / sdist.name.removesuffix(".tar.gz"), folder / "rebuilt", "--wheel")
    if (folder / "rebuilt" / wheel.name).read_bytes() != wheel.read_bytes():
        raise Broken("the unpacked sdist builds another wheel")
    say("The unpacked sdist builds the same wheel, byte for byte.")


if __name__ == "__main__":
    sys.exit(main())
