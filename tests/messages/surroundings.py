"""What stands between this machine and Stripe, and does what it should not."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.needs import need


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """One for this machine that nobody has signed, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost", "-days", "1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    line = [need("openssl", "openssl"), "req", "-x509", *kind, *made, *named]
    subprocess.run(line, check=True, capture_output=True, timeout=60)
    return certificate, key


@contextmanager
def a_tls_server(folder: Path) -> Iterator[str]:
    """The URL of one that shows such a certificate to whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*a_certificate(folder))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_greet, args=(listener, context), daemon=True).start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # close alone does not wake a thread that waits in accept


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        # the other side breaks it off once it has seen the certificate
        with suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as greeted:
            greeted.recv(1)
