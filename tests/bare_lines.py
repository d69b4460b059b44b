"""Lines without what says where and when they were: what the pipeline alone gives."""

from __future__ import annotations

import re

_WHERE_AND_WHEN = re.compile(rb',"(?:stream|id|at|clock)":"(?:[^"\\]|\\.)*"')


def bare(line: bytes) -> bytes:
    """Leave out stream, id, time and clock of a beat or event."""
    return _WHERE_AND_WHEN.sub(b"", line)
