"""Where a broker is, and how to come in: URL, credentials, TLS."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...errors import RequestError

USER_VARIABLE = "ECG_STREAM_MQTT_USER"
PASSWORD_VARIABLE = "ECG_STREAM_MQTT_PASSWORD"
PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
USUAL_PATH = "/mqtt"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is and how to come in.

    Attributes
    ----------
    host, port
        Where it listens.
    tls
        Checked TLS, for ``mqtts://`` and ``wss://``; None for a plain connection.
    user, password
        Credentials; the password is not shown.
    path
        Of MQTT over WebSockets: the path of the URL; None for plain MQTT.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    path: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = ("mqtts" if self.tls else "mqtt") if self.path is None else ("wss" if self.tls else "ws")
        return f"{scheme}://{host}:{self.port}{self.path or ''}"

    @classmethod
    def of(
        cls,
        url: str,
        *,
        ca: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        password_file: Path | None = None,
    ) -> BrokerAddress:
        """Read ``mqtt://[user@]host[:port]``, ``mqtts://...``, ``ws://...[/path]`` or ``wss://...``.

        User and password come from the environment or a file.

        Parameters
        ----------
        url
            Without a password, which every user of the machine could read in the list of processes.
        ca
            Certificate authorities to trust instead of the system's.
        certificate, key
            Client certificate and its key, where the broker asks for one.
        password_file
            A file whose first line is the password; else the environment has it.

        Raises
        ------
        RequestError
            If the URL is not one, or a file cannot be read or is not what it should be.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        web = parts.scheme in ("ws", "wss")
        if parts.scheme not in PORTS or not host or (parts.path not in ("", "/") and not web) or parts.query:
            raise RequestError(
                f"'{_without_password(url)}' is no broker: valid are mqtt://HOST[:PORT], mqtts:// with TLS, and "
                "ws://HOST[:PORT][/PATH] or wss:// over WebSockets"
            )
        if parts.password is not None:
            raise RequestError("a password in the URL is seen by all users of this machine", about="password")
        secure = parts.scheme in ("mqtts", "wss")
        if not secure and (ca or certificate or key):
            raise RequestError("certificates and keys are for TLS: valid with them are mqtts://HOST[:PORT] and wss://")
        user = unquote(parts.username) if parts.username else os.environ.get(USER_VARIABLE)
        password = _first_line(password_file) if password_file else os.environ.get(PASSWORD_VARIABLE)
        if password is not None and user is None:
            raise RequestError(
                f"a password without a user: set {USER_VARIABLE} or write the URL as {parts.scheme}://USER@{host}"
            )
        tls = _tls(ca, certificate, key) if secure else None
        path = (parts.path if len(parts.path) > 1 else USUAL_PATH) if web else None
        return cls(host, port or PORTS[parts.scheme], tls, user, password, path)


def _tls(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    if key and not certificate:
        raise RequestError("a key without the client certificate that it belongs to", about="client certificate")
    for file in (ca, certificate, key):
        if file is not None:
            _readable(file)
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise RequestError(f"{ca} holds no certificate authority: {error}: valid is a PEM file") from None
    if certificate:
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise RequestError(f"{certificate} and its key do not fit: {error}: valid are PEM files") from None
    return context


def _readable(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RequestError(f"cannot read {file}: {error.strerror}") from None


def _first_line(file: Path) -> str:
    try:
        return _readable(file).decode().splitlines()[0]
    except (UnicodeDecodeError, IndexError):
        raise RequestError(f"{file} holds no password: its first line is to be the password") from None


def _without_password(url: str) -> str:
    """Give a URL that may be shown, even one in which the password stands where the port belongs."""
    head, at, tail = url.rpartition("@")
    if at:
        return f"{head.partition(':')[0]}://...@{tail}"
    begin, colon, end = url.rpartition(":")
    return f"{begin}:..." if colon and "://" in begin and not end.rstrip("/").isdecimal() else url
