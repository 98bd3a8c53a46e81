"""The pages of docs/, built: no dead link, nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.conftest import BIN
from tests.support.plugins import ROOT

# What a browser loads by itself, by tag and attribute; a link is followed by a person only.
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "object": "data"}
IN_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])((?:https?:)?//[^"')\s]+)""")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<(https?://[^>]+)>")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def build(folder: Path, config: Path = ROOT / "properdocs.yml") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "properdocs", "build", "--strict", "--config-file", str(config), "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


class Loaded(HTMLParser):
    """The addresses that a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADED.get(tag, ""))
        if address and dict(attrs).get("rel") != "canonical":
            self.addresses.append(address)


def loaded(site: Path) -> Iterator[str]:
    for path in site.rglob("*.html"):
        page = Loaded()
        page.feed(path.read_text(encoding="utf-8"))
        yield from page.addresses
    for path in [*site.rglob("*.css"), *site.rglob("*.html")]:
        yield from IN_STYLE.findall(path.read_text(encoding="utf-8"))


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    addresses = set(loaded(site))

    assert any(address.endswith(".js") for address in addresses)
    assert [address for address in addresses if urlsplit(address).netloc] == []


def test_every_page_is_in_the_site(site: Path) -> None:
    assert {path.stem for path in site.glob("*.html")} - {"404", "search"} == {path.stem for path in PAGES[1:]}


@pytest.mark.parametrize(
    "wrong", ["[a](gone.md)", "[a](limits.md#gone)", "[a](/docs/limits.md)", "[a](gone)", "[a](#gone)"]
)
def test_a_dead_link_fails(tmp_path: Path, wrong: str) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(f"# One\n\n{wrong}\n")
    (docs / "limits.md").write_text("# Limits\n")
    settings = (ROOT / "properdocs.yml").read_text().partition("\nnav:\n")[0]
    (tmp_path / "properdocs.yml").write_text(settings)

    done = build(tmp_path / "site", tmp_path / "properdocs.yml")

    assert done.returncode == 1
    assert "gone" in done.stderr or "absolute" in done.stderr


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_links_are_well_formed_and_their_files_exist(path: Path) -> None:
    for inside, outside in LINK.findall(path.read_text(encoding="utf-8")):
        parts = urlsplit(inside or outside)
        if parts.scheme or parts.netloc:
            assert parts.scheme == "https", inside or outside
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), inside or outside
        elif parts.path:
            assert (path.parent / parts.path).is_file(), inside
