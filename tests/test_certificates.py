"""Installers trust the certificates of the system's store, where companies put their own."""

from __future__ import annotations

import hashlib
import os
import shlex
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from tests.support.needs import missing, need
from tests.support.plugins import ROOT

STORES = [Path(path) for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")]
UV = Path(sys.executable).with_name("uv")
INFO = "stripe_flow_probe-1.0.dist-info"
WHEEL = "stripe_flow_probe-1.0-py3-none-any.whl"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class's name
        """Log nothing."""


@pytest.fixture(scope="module")
def company() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def index(company: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A package index behind the company's certificate, with one package."""
    folder = tmp_path_factory.mktemp("index")
    package = folder / "simple" / "stripe-flow-probe"
    package.mkdir(parents=True)
    with zipfile.ZipFile(package / WHEEL, "w") as wheel:
        wheel.writestr("stripe_flow_probe.py", "")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: stripe-flow-probe\nVersion: 1.0\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    digest = hashlib.sha256((package / WHEEL).read_bytes()).hexdigest()
    (package / "index.html").write_text(f'<a href="{WHEEL}#sha256={digest}">{WHEEL}</a>')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()
        thread.join()


def bare_env(folder: Path) -> dict[str, str]:
    """An environment without settings of certificates, and with an empty home."""
    return {"HOME": str(folder), "PATH": os.environ["PATH"], "UV_CACHE_DIR": str(folder / "cache")}


def with_company(
    folder: Path, company: trustme.CA, line: list[str], cwd: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that sees the company's certificate in the system's store; other processes do not."""
    store = next((path for path in STORES if path.exists()), None) or missing(
        "this system keeps no file of certificates"
    )
    own = folder / "store.pem"
    own.write_bytes(store.read_bytes() + company.cert_pem.bytes())
    mounted = f"mount --bind {shlex.quote(str(own))} {store} && exec {shlex.join(line)}"
    return subprocess.run(
        [need("unshare", "util-linux"), "--map-root-user", "--mount", "sh", "-c", mounted],
        cwd=cwd,
        env=bare_env(folder) | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def uv_install(index: str, folder: Path) -> list[str]:
    target = ("--target", str(folder / "site"), "--python", sys.executable)
    return [str(UV), "pip", "install", "--default-index", index, *target, "stripe-flow-probe"]


@pytest.mark.parametrize("is_in_store", [True, False])
def test_uv_trusts_the_system_s_store_in_this_project(
    *, is_in_store: bool, company: trustme.CA, index: str, tmp_path: Path
) -> None:
    done = with_company(tmp_path, company if is_in_store else trustme.CA(), uv_install(index, tmp_path), ROOT)

    assert (done.returncode == 0) == is_in_store, done.stderr
    assert (tmp_path / "site" / "stripe_flow_probe.py").exists() == is_in_store


def test_uv_trusts_the_system_s_store_elsewhere_only_with_its_variable(
    company: trustme.CA, index: str, tmp_path: Path
) -> None:
    configured = with_company(tmp_path, company, uv_install(index, tmp_path), tmp_path, UV_SYSTEM_CERTS="true")
    without = with_company(tmp_path, company, [*uv_install(index, tmp_path), "--reinstall", "--no-cache"], tmp_path)

    assert configured.returncode == 0, configured.stderr
    assert without.returncode != 0


def test_make_configures_every_installer(tmp_path: Path) -> None:
    """Make's commands also run in other folders: tests, Meltano projects, the environment of tap-stripe."""
    show = "show: ; @echo $$UV_SYSTEM_CERTS $$NODE_EXTRA_CA_CERTS $$PIP_CERT"
    line = ["make", "--silent", "--eval", show, f"PYTHON={sys.executable}", "show"]
    bare = bare_env(tmp_path) | {"PIP_CONFIG_FILE": os.devnull}

    variables = subprocess.run(line, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=True).stdout
    own = {"PIP_CERT": "own.pem", "NODE_EXTRA_CA_CERTS": "own.pem", "UV_SYSTEM_CERTS": "false"}
    kept = subprocess.run(line, cwd=ROOT, env=bare | own, capture_output=True, text=True, timeout=60, check=True).stdout

    store = [str(path) for path in STORES if path.exists()][:1]
    assert variables.split() == ["true", *store * 2]
    assert kept.split() == ["false", "own.pem", "own.pem"]
