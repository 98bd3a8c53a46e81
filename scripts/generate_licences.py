"""Writes docs/licences.md: under which licence each package comes that an installation brings along.

python -m scripts.generate_licences          write
python -m scripts.generate_licences --check  exit 1 if the file is not what would be written
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LICENCES = ROOT / "docs" / "licences.md"
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "PSF-2.0"}
# Where metadata only have a classifier for it.
CLASSIFIED = {"License :: OSI Approved :: Python Software Foundation License": "PSF-2.0"}
# Why we may depend on what asks for more than its notice.
REASONS = {
    "certifi": "Its terms cover its own files only, and we do not change them.",
    "psycopg": "Only with the extra `postgres`. We import it unchanged, do not bundle it, and anyone may replace it.",
    "psycopg-binary": "As psycopg. Its wheels contain libpq and its dependencies, under licences of their own.",
}
HEAD = """\
# Licences

stripe-flow is under Apache-2.0 (`LICENSE`). Its wheel contains no third-party code; `NOTICE` lists the data from
Stripe. These packages are installed with it: those of `requirements.lock` and of the extra `sandbox`.
`python -m scripts.generate_licences` writes the table.

| package | licence | why we may use it, if it requires more than its notice |
|---|---|---|
"""


def main() -> int:
    text = LICENCES.read_text(encoding="utf-8") if LICENCES.exists() else ""
    wanted = rendered(text)
    if "--check" in sys.argv:
        return int(text != wanted)
    LICENCES.write_text(wanted, encoding="utf-8")
    return 0


def rendered(text: str) -> str:
    """The file; `text` is the one that there is, whose lines stay for what this Python does not install."""
    known = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    return HEAD + "".join(f"{row(name) or known[name]}\n" for name in packages())


def packages() -> list[str]:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = [Requirement(each).name for each in project["optional-dependencies"]["sandbox"]]
    return sorted({*re.findall(r"^([a-z0-9][a-z0-9-]*)==", lock, re.MULTILINE), *extra})


def row(package: str) -> str | None:
    """The package's line, None if it is not installed here."""
    try:
        licence = licence_of(package)
    except PackageNotFoundError:
        return None
    if not is_permissive(licence) and package not in REASONS:
        raise SystemExit(f"{package} is under {licence}: depend on something else, or say in REASONS why it may be")
    return f"| {package} | {licence} | {'' if is_permissive(licence) else REASONS[package]} |"


def licence_of(package: str) -> str:
    """An SPDX expression. Raises ValueError for a licence that is told in no such way."""
    told = metadata(package)
    said = [
        *told.get_all("License-Expression", []),
        *(CLASSIFIED[each] for each in told.get_all("Classifier", []) if each in CLASSIFIED),
        *told.get_all("License", []),
    ]
    return canonicalize_license_expression(said[0] if said else "")


def is_permissive(expression: str) -> bool:
    """Whether one may choose to be asked for the notice only."""
    return any(PERMISSIVE.issuperset(choice.split(" AND ")) for choice in expression.split(" OR "))


if __name__ == "__main__":
    sys.exit(main())
