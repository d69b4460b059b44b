"""The folder of a service: what it must not forget, so that a restart goes on where it stood.

::

    DIR/service.json            client id and subscription
    DIR/patients/ID.state       a patient's session, from time to time and at the end
    DIR/journal/NUMBER.log      what came in and went out since
    DIR/webhook/NUMBER.log      alerts that wait for a webhook

A restarted service takes up the snapshots, takes the messages that came after them through the pipelines again, and
keeps back the outputs that the journal knows: the pipeline being deterministic, these are the same to the byte. So
nothing is lost or told twice if the process dies, by whatever signal. (If the whole machine does, the last second may
be missing: it is then told as a gap. A process that dies in the microseconds between an output and its entry tells it
again, byte for byte: what is told twice can be told apart, and what is lost cannot.)

All of it is for its owner only. Whatever else lies in the folder is left alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path

import msgspec

from ...errors import SnapshotError
from ..core.snapshots import from_bytes, to_bytes, write_atomically
from ..core.stage import State
from .journal import Journal, for_owner
from .kept_alerts import KeptAlerts
from .topics import is_patient_id

_OWNER_ONLY = 0o700


class ServiceCard(msgspec.Struct, frozen=True):
    """What stands in ``service.json``: under which client id, and to what, the service is subscribed."""

    client_id: str
    topic: str


class StateFolder:
    """The folder that `--state` names, held by one process at a time.

    Parameters
    ----------
    folder
        Made if it is not there.

    Raises
    ------
    SnapshotError
        If it cannot be written, or another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(_OWNER_ONLY, parents=True, exist_ok=True)
            for part in ("patients", "journal"):
                (folder / part).mkdir(_OWNER_ONLY, exist_ok=True)
                (folder / part).chmod(_OWNER_ONLY)  # an earlier version let others read
            self._lock = FileIO(folder / "lock", "w", opener=for_owner)
            _lock(self._lock)
            for left in (folder / "patients").glob(".*.state.part"):  # by a kill
                left.unlink()
        except BlockingIOError:
            self._lock.close()
            raise SnapshotError(f"{folder} is in use by another ecg-stream", about="state") from None
        except OSError as error:
            raise SnapshotError(f"cannot use {folder}: {error.strerror}", about="state") from None
        self.journal = Journal(folder / "journal")
        self._alerts: KeptAlerts | None = None

    def close(self) -> None:
        """Let the folder go."""
        self.journal.close()
        if self._alerts is not None:
            self._alerts.close()
        self._lock.close()

    def kept_alerts(self) -> KeptAlerts:
        """Give what keeps the alerts that wait for a webhook.

        Raises
        ------
        SnapshotError
            If it cannot be written.
        """
        if self._alerts is None:
            self._alerts = KeptAlerts(self._folder / "webhook")
        return self._alerts

    def card(self) -> ServiceCard | None:
        """Give what was last written to ``service.json``; None if there is nothing."""
        try:
            return msgspec.json.decode((self._folder / "service.json").read_bytes(), type=ServiceCard)
        except (OSError, msgspec.DecodeError):
            return None

    def write_card(self, card: ServiceCard) -> None:
        """Write ``service.json``."""
        write_atomically(self._folder / "service.json", msgspec.json.encode(card))

    def patients(self) -> Iterator[tuple[str, State | SnapshotError]]:
        """Give each patient's saved state, or why it cannot be taken up."""
        for path in sorted((self._folder / "patients").glob("*.state")):
            if is_patient_id(path.stem) and path.is_file():
                try:
                    yield path.stem, from_bytes(path.read_bytes())
                except SnapshotError as error:
                    yield path.stem, error
                except OSError as error:
                    yield path.stem, SnapshotError(f"cannot read {path}: {error.strerror}")

    def remove_older_than(self, days: float) -> None:
        """Remove the states of patients that were saved so long ago; to be called before `patients`."""
        before = time.time() - 86_400 * days
        for path in (self._folder / "patients").glob("*.state"):
            if is_patient_id(path.stem) and path.is_file() and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def encode(self, state: State) -> bytes:
        """Encode one patient's state."""
        return to_bytes(state)

    def write_patients(self, blobs: Mapping[str, bytes]) -> None:
        """Save patients' encoded states. May be called from any thread."""
        for patient, blob in blobs.items():
            write_atomically(self._state_file(patient), blob)

    def remove_patient(self, patient: str) -> None:
        """Remove a patient's saved state, if there is one."""
        self._state_file(patient).unlink(missing_ok=True)

    def _state_file(self, patient: str) -> Path:
        return self._folder / "patients" / f"{patient}.state"


def _lock(file: FileIO) -> None:
    if sys.platform != "win32":  # where files cannot be locked this way, two services on one folder go unnoticed
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
