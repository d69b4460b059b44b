"""Certificates for tests, made with openssl: an authority, a server of it, one that has expired, and a client."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")


def make_certificates(folder: Path) -> None:
    """Write ca.pem, other-ca.pem, server.pem, expired.pem, client.pem and their keys."""
    for name in ("ca", "other-ca"):
        _openssl(folder, "req", "-x509", *_new_key(name), "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "30")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    for name, days in (("server", "30"), ("expired", "-1"), ("client", "30")):
        _openssl(folder, "req", *_new_key(name), "-out", f"{name}.csr", "-subj", f"/CN={name}")
        _openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", days, "-extfile", "names", "-out", f"{name}.pem",
        )  # fmt: skip


def _new_key(name: str) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key"]


def _openssl(folder: Path, *arguments: str) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *arguments], cwd=folder, check=True, capture_output=True)
