"""Fetching from PhysioNet: checked against its own SHA-256 sums, whole or not at all, resumed where it broke off.

One file: sums, files and versions are asked of one server with one manner of failing, which is told in one way.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import DownloadError
from .wfdb_header import missing_files

PHYSIONET = "https://physionet.org"
VERSIONS = {"ptb-xl": "1.0.1"}
"""Databases of which not the newest version is fetched. Of PTB-XL it is the one that the shipped model learnt from."""

SUMS = "SHA256SUMS.txt"
MOST_SUMS_BYTES = 256 << 20  # of the list of a database: a hundred bytes for each of two million files
KEPT_VERSION = ".physionet-version"
"""Beside the sums in the folder of a database: which version of it they are of; without it, `FIRST_VERSION`."""
FIRST_VERSION = "1.0.0"
MAX_PAGE = 1 << 20  # characters of a page that are looked at
ATTEMPTS = 3  # of a file whose transfer breaks off, each going on where the last one stopped
AT_ONCE = 4  # files; PhysioNet answers each small file in a tenth of a second, whatever the line
TIMEOUT_S = (10, 60)  # to connect, and between two pieces
PIECE_BYTES = 1 << 14  # what is lost of a piece when a transfer breaks off

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the name of a file, the bytes of it that are here, and its size if known; from several threads."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a download did.

    Attributes
    ----------
    new
        Files that were fetched.
    present
        Files that were there already, as PhysioNet has them.
    different
        Files that were there already and are not as PhysioNet has them: left alone.
    """

    new: tuple[str, ...]
    present: tuple[str, ...]
    different: tuple[str, ...]


def download_record(
    database: str, record: str, folder: Path, progress: Progress | None = None, version: str | None = None
) -> Fetched:
    """Fetch the files of one record: header, signals and annotations.

    Parameters
    ----------
    database
        PhysioNet's name of the database, such as ``edb``.
    record
        The record in it, such as ``e0103`` or ``records100/00000/00001_lr``.
    folder
        The data folder; files go to ``FOLDER/DATABASE/``, in PhysioNet's layout.
    progress
        See `Progress`.
    version
        Of the database, such as ``1.0.0``; None is the one whose files are in the folder, and if there are none, the
        newest that PhysioNet has (or that of `VERSIONS`).

    Raises
    ------
    DownloadError
        If the database has no such record, PhysioNet cannot be reached, a transfer breaks off for good, or what comes
        does not match its checksum. What was fetched stays, and the next call goes on from there.
    """
    address, sums = _checksums(database, folder, version)
    files = [file for file in sums if file.rpartition(".")[0] == record and "." in file.rpartition("/")[2]]
    if f"{record}.hea" not in files:
        near = sorted(file.removesuffix(".hea") for file in sums if file.endswith(".hea"))
        raise DownloadError(
            f"PhysioNet's {database} has no record '{record}': it has {len(near)}, {near[0]} to {near[-1]}"
            if near
            else f"PhysioNet's {database} holds no WFDB records"
        )
    fetched = _fetch(address, folder / database, files, sums, folder, progress)
    # A header may name files that are called something else than the record: signals, or segments that name signals.
    new = list(fetched.new)
    for _ in range(2):
        missing = missing_files(folder / database / record)
        names = [file.relative_to(folder / database).as_posix() for file in missing]
        new += _fetch(address, folder / database, [n for n in names if n in sums], sums, folder, progress).new
    return Fetched(tuple(new), fetched.present, fetched.different)


def download_database(
    database: str, folder: Path, progress: Progress | None = None, version: str | None = None
) -> Fetched:
    """Fetch all files of a database, as `download_record` does those of one record.

    Raises
    ------
    DownloadError
        As `download_record` does.
    """
    address, sums = _checksums(database, folder, version)
    return _fetch(address, folder / database, sums, sums, folder, progress)


def _fetch(
    address: str, place: Path, files: Iterable[str], sums: dict[str, str], folder: Path, progress: Progress | None
) -> Fetched:
    """Fetch files of a database from `address` into `place`, its folder in the data folder."""
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")  # its log would go into the progress bar
    new: list[str] = []
    present: list[str] = []
    different: list[str] = []
    wanted: list[str] = []
    for file in files:
        path = place / file
        if not path.exists():
            wanted.append(file)
        elif pooch.file_hash(str(path)) == sums[file]:
            present.append(file)
        else:
            different.append(file)

    stopped = threading.Event()
    with requests.Session() as session:

        def fetch(file: str) -> None:
            target = place / file
            pooch.retrieve(
                f"{address}/{file}",
                known_hash=f"sha256:{sums[file]}",
                fname=target.name,
                path=target.parent,
                downloader=_Resuming(session, target, file, progress, stopped),
            )

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download") as pool:
            running = {file: pool.submit(fetch, file) for file in wanted}
            try:
                for file, future in running.items():
                    future.result()
                    new.append(file)
            except (OSError, ValueError) as error:
                raise _failure(error, f"{address}/{file}", folder) from error
            finally:
                stopped.set()  # Ctrl-C and errors end the other transfers at their next piece
                pool.shutdown(wait=False, cancel_futures=True)
    return Fetched(tuple(new), tuple(present), tuple(different))


def _checksums(database: str, folder: Path, version: str | None) -> tuple[str, dict[str, str]]:
    """Give the address of the database, and the SHA-256 of its files, from the data folder or else from PhysioNet."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", database, re.ASCII):
        raise DownloadError(f"no database '{database}': valid is PhysioNet's name of one, such as edb, mitdb or ptb-xl")
    if version is not None and not re.fullmatch(r"\d+(\.\d+)*", version, re.ASCII):
        raise DownloadError(f"no version '{version}': valid are numbers with points, such as 1.0.0")
    kept, stated = folder / database / SUMS, folder / database / KEPT_VERSION
    made = [place for place in (kept.parent, folder) if not place.exists()]
    address = f"{PHYSIONET}/content/{database}/"
    try:
        if kept.is_file():
            here = stated.read_text("utf-8").strip() if stated.is_file() else VERSIONS.get(database, FIRST_VERSION)
        else:
            here = None
        version = version or here or VERSIONS.get(database) or _newest(address, database)
        address = f"{PHYSIONET}/files/{database}/{version}"
        if version != here:
            _fetch_sums(address, kept)
            stated.write_text(f"{version}\n", "utf-8")
        lines = kept.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        for place in made:  # pooch makes the folder before it asks
            with suppress(OSError):
                place.rmdir()
        raise _failure(error, address if address.endswith("/") else f"{address}/{SUMS}", folder) from error
    sums = {}
    for line in lines:
        digest, _, file = line.partition(" ")
        file = file.strip().removeprefix("./")
        if len(digest) == 64 and file and not file.startswith("/") and ".." not in file.split("/"):
            sums[file] = digest.lower()
    if not sums:  # a portal's page, perhaps
        kept.unlink()
        stated.unlink(missing_ok=True)
        raise DownloadError(f"{address}/{SUMS} lists no checksums: is it PhysioNet that answers?")
    return address, sums


def _newest(address: str, database: str) -> str:
    """Ask PhysioNet for the newest version of a database: its page without a version leads to that of the newest."""
    import requests

    with requests.get(address, timeout=TIMEOUT_S) as answer:
        answer.raise_for_status()
        found = re.search(rf"/content/{re.escape(database)}/(\d+(?:\.\d+)*)/", answer.url)
        found = found or re.search(r"Version:?\s*(?:<[^<>]{0,80}>\s*)?(\d+(?:\.\d+)+)", answer.text[:MAX_PAGE])
    return FIRST_VERSION if found is None else found[1]


def _fetch_sums(address: str, kept: Path) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    kept.unlink(missing_ok=True)  # of another version
    with requests.Session() as session:
        pooch.retrieve(
            f"{address}/{SUMS}",
            known_hash=None,
            fname=SUMS,
            path=kept.parent,
            downloader=_Resuming(session, kept, SUMS, None, threading.Event(), MOST_SUMS_BYTES),
        )


class _Resuming:
    """A downloader for pooch: collects in ``NAME.part`` beside the target, and goes on from what is there.

    pooch checks the whole against its checksum and moves it into place, so a part that was wrong is not kept.
    """

    def __init__(
        self,
        session: Any,
        target: Path,
        name: str,
        progress: Progress | None,
        stopped: threading.Event,
        most_bytes: float = math.inf,
    ) -> None:
        self._session = session
        self._part = target.with_name(f"{target.name}.part")
        self._name = name
        self._progress = progress
        self._stopped = stopped
        self._most_bytes = most_bytes

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:  # noqa: ARG002  (pooch passes itself)
        import requests

        for attempt in range(1, ATTEMPTS + 1):
            before = self._size()
            try:
                self._transfer(url)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if attempt == ATTEMPTS or self._size() == before:  # nothing came: another try would wait in vain
                    raise
            else:
                break
        self._part.replace(output_file)

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _transfer(self, url: str) -> None:
        here = self._size()
        wanted = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
        with self._session.get(url, headers=wanted, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == 416:  # nothing lies behind what is here: either all of it, or of another file
                if answer.headers.get("Content-Range", "").rpartition("/")[2] == str(here):
                    return
                self._part.unlink()
                self._transfer(url)
                return
            answer.raise_for_status()
            if answer.status_code != 206:
                here = 0
            length = answer.headers.get("Content-Length")
            total = here + int(length) if length is not None else None
            with self._part.open("ab" if here else "wb") as file:
                for piece in answer.iter_content(PIECE_BYTES):
                    if self._stopped.is_set():
                        raise CancelledError
                    if here + len(piece) > self._most_bytes:
                        file.close()
                        self._part.unlink()
                        raise DownloadError(f"{url} is longer than {self._most_bytes / 1e6:.0f} MB: that is no list")
                    file.write(piece)
                    here += len(piece)
                    if self._progress is not None:
                        self._progress(self._name, here, total)


def _failure(error: OSError | ValueError, url: str, folder: Path) -> DownloadError:
    """Say in one line what went wrong; the exceptions of requests are OSErrors, a wrong checksum is a ValueError."""
    import requests

    instead = (
        f"`ecg-stream replay demo` needs no download, and records laid into the data folder {folder} are found there"
    )
    response = getattr(error, "response", None)
    if isinstance(error, requests.HTTPError) and response is not None:
        if response.status_code == 404:
            return DownloadError(
                f"PhysioNet has no {url} (404): check the name of the database and the record; {instead}"
            )
        return DownloadError(f"PhysioNet refused {url} ({response.status_code} {response.reason}): {instead}")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return DownloadError(f"the transfer of {url} broke off: run the same again, it goes on from what is here")
    if isinstance(error, requests.RequestException):
        return DownloadError(f"cannot reach {url} ({type(error).__name__}), is there a network? {instead}")
    if isinstance(error, ValueError):
        return DownloadError(f"{url} does not match its SHA-256 sum and was not kept: run the same again")
    return DownloadError(
        f"cannot write to the data folder {folder}: {error.strerror or error}: set $ECG_STREAM_DATA to another"
    )
