"""What to do about an error: the library states facts, and the command line says which option to change."""

from __future__ import annotations

from ..errors import Part, RequestError

ADVICE: dict[Part, str] = {
    "annotations": "name a folder that can be written with --annotations",
    "broker": "install Mosquitto, or name a broker with --url",
    "bundle": "name a writable folder with --output",
    "chunk": "set it with --chunk-ms",
    "cluster": "start it (`ray start --head`), set RAY_AUTH_MODE=token if it wants it, or use --address",
    "fleet name": "start one with `ecg-stream fleet URL`, or name another with --name",
    "fold": "choose another with --fold",
    "jobs": "add nodes, or give --jobs a number",
    "part of the record": "set it with --start and --end",
    "recording": "name a writable folder with room with --record",
    "records": "name lists with --db, or records with --records",
    "report": "name another folder with --report",
    "scoring": "begin earlier with --from, or leave the record out with --records",
    "state": "name a writable place with room with --state",
    "teacher": "train it with --validation 1+2,3+4,5+6,7+8",
}
"""The option, or what else to do, for each part of a request that an error can be about."""


def advised(error: RequestError) -> str:
    """Give the line for an error: the facts, and what to do where the message does not say it."""
    return str(error) if error.about is None else f"{error}: {ADVICE[error.about]}"
