"""`ecg-stream download`: fetch records from PhysioNet."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def download(
    database: Annotated[str, typer.Argument(metavar="DB", help="PhysioNet's name of the database, such as edb.")],
    records: Annotated[
        list[str] | None, typer.Argument(metavar="[RECORD]...", help="Records of it; without any, the whole database.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="V", help="Version of the database.  [default: what the folder has, else PhysioNet's newest]"
        ),
    ] = None,
) -> None:
    """Fetch records, or a whole database, from PhysioNet into the data folder.

    Every file is checked against PhysioNet's own SHA-256 sum. A download that broke off goes on where it stopped.
    The data folder is $ECG_STREAM_DATA, else ecg-stream in the user's cache folder.
    """
    from ..replay.catalog import data_folder, place_in_database
    from ..replay.download import Fetched, download_database, download_record
    from .records import download_bars

    folder = data_folder()
    with download_bars() as progress:
        if records:
            parts = [
                download_record(database, place_in_database(database, r), folder, progress, version) for r in records
            ]
        else:
            parts = [download_database(database, folder, progress, version)]
    fetched = Fetched(
        tuple(file for part in parts for file in part.new),
        tuple(file for part in parts for file in part.present),
        tuple(file for part in parts for file in part.different),
    )
    print(f"{folder / database}: {len(fetched.new)} files fetched, {len(fetched.present)} already there")
    if fetched.different:
        named = ", ".join(fetched.different[:3]) + (", ..." if len(fetched.different) > 3 else "")
        print(
            f"{len(fetched.different)} files there differ from PhysioNet's and were left alone: {named} "
            "(remove them to have them fetched)",
            file=sys.stderr,
        )
