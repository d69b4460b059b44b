"""What to do about an error: the library states facts, and the command line says which option to change."""

from __future__ import annotations

from ..errors import Part, RequestError

ADVICE: dict[Part, str] = {
    "alert url": "give another with --alert-url",
    "alerts": "begin with what `ecg-stream rhythms --toml` prints, and give it with --alerts",
    "annotation": "name one with --at, or give the second with --start",
    "annotations": "name a folder that can be written with --annotations",
    "beat file": "name another with --output",
    "broker": "install Mosquitto, or name a broker with --url",
    "bundle": "name a writable folder with --output",
    "certificate authority": "give the right one with --ca, or renew the broker's certificate",
    "chunk": "set it with --chunk-ms",
    "client certificate": "give it with --cert, and its key with --key",
    "client id": "give each client its own with --client-id",
    "cluster": "start it (`ray start --head`), set RAY_AUTH_MODE=token if it wants it, or use --address",
    "column": "name it with --column",
    "fleet name": "start one with `ecg-stream fleet URL`, or name another with --name",
    "fold": "choose another with --fold",
    "http": "choose another address with --http",
    "http token": "give a token with --http-token-file or ECG_STREAM_HTTP_TOKEN, or name a proxy with --http-proxy",
    "jobs": "add nodes, or give --jobs a number",
    "lead": "name those to play with --lead",
    "metrics": "choose another port with --metrics",
    "part of the record": "set it with --start and --end",
    "password": "set ECG_STREAM_MQTT_PASSWORD or use --password-file",
    "recording": "name another folder, writable and with room, with --record",
    "records": "name lists with --db, or records with --records",
    "report": "name another folder with --report",
    "sampling rate": "give it in hertz with --fs",
    "scoring": "begin earlier with --from, or leave the record out with --records",
    "state": "name another place, writable and with room, with --state",
    "teacher": "train it with --validation 1+2,3+4,5+6,7+8",
    "unit": "say what its values are in with --unit, such as uV, or 200/mV for 200 steps of a converter a millivolt",
}
"""The option, or what else to do, for each part of a request that an error can be about."""


def advised(error: RequestError) -> str:
    """Give the line for an error: the facts, and what to do where the message does not say it."""
    return str(error) if error.about is None else f"{error}: {ADVICE[error.about]}"
