"""Answers as JSON."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from ...words import plain, plain_json
from .messages import ErrorAnswer

_encoder = msgspec.json.Encoder()


def answer(what: msgspec.Struct, status: int = 200) -> Response:
    """Answer with an object."""
    return Response(plain_json(_encoder.encode(what)), status, media_type="application/json")


def refused(status: int, why: str) -> Response:
    """Say why a request is not served."""
    return answer(ErrorAnswer(plain(why)), status)
