"""Everything that ecg-stream raises on purpose.

::

    EcgStreamError
    ├── RequestError            the request is wrong: the command line exits with 2
    │   ├── RecordError         a record is unknown, unreadable, or not what its header says
    │   ├── DownloadError       a file could not be fetched, or is not what its checksum says
    │   ├── BundleError         a model bundle is missing, corrupt, or for another task
    │   ├── MissingExtraError   an optional part is not installed
    │   ├── BrokerError         the MQTT broker cannot be reached, or refuses us
    │   ├── PayloadError        a message does not fit the MQTT contract
    │   └── SnapshotError       a saved state is corrupt, or of another version or model
    └── StreamError             a stage was used out of order (a bug in the caller)
        └── SchemaError         the saved state of a stage has a layout that this version cannot take up

    UserWarning
    └── RecordWarning           a record is read, and something of it is left out or looks odd

Every message says what was got and what is valid, in one line. It names no option of the command line:
`RequestError.about` says which part of the request is meant, and the command adds the option that goes with it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from .words import plain

Part: TypeAlias = Literal[
    "alert url",
    "alerts",
    "annotation",
    "annotations",
    "beat file",
    "broker",
    "bundle",
    "certificate authority",
    "chunk",
    "client certificate",
    "client id",
    "cluster",
    "column",
    "fleet name",
    "fold",
    "http",
    "http token",
    "jobs",
    "lead",
    "metrics",
    "part of the record",
    "password",
    "recording",
    "records",
    "report",
    "sampling rate",
    "scoring",
    "state",
    "teacher",
    "unit",
]
"""Parts of a request that an error can be about."""


class EcgStreamError(Exception):
    """Base of all errors of this package. Its message is plain: what it quotes of others' words is made visible."""

    def __init__(self, message: str = "") -> None:
        super().__init__(plain(message))


class RequestError(EcgStreamError):
    """What was asked for cannot be done: the one line of the message says why.

    Parameters
    ----------
    message
        What was got, and what is valid.
    about
        The part of the request that is to be changed; None if the message says it all.
    """

    def __init__(self, message: str, *, about: Part | None = None) -> None:
        super().__init__(message)
        self.about = about


class RecordError(RequestError):
    """A record is unknown, unreadable, or not what its header says."""


class DownloadError(RequestError):
    """A file could not be fetched, or is not what its checksum says."""


class BundleError(RequestError):
    """A model bundle is missing, corrupt, or made for another task or another preprocessing."""


class MissingExtraError(RequestError):
    """An optional part of the package is not installed.

    Parameters
    ----------
    what
        What was asked for, as the user would say it.
    extra
        The extra that brings it, such as ``train``.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra [{extra}]: python -m pip install 'ecg-stream[{extra}]'")


class BrokerError(RequestError):
    """The MQTT broker cannot be reached, or refuses us."""


class PayloadError(RequestError):
    """A message does not fit the MQTT contract."""


class SnapshotError(RequestError):
    """A saved state is corrupt, or was made by another version or model."""


class RecordWarning(UserWarning):
    """A record is read, and a person should know how: signals left out, a file cut short, another unit by the looks."""

    def __init__(self, message: str = "") -> None:
        super().__init__(plain(message))


class StreamError(EcgStreamError):
    """A stage or pipeline was used out of order."""


class SchemaError(StreamError):
    """The saved state of a stage has a layout that this version cannot take up: the stage begins afresh."""
