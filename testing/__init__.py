"""The laws of a stage, each checked once, for whoever writes one; needs no test framework.

::

    from ecg_stream.testing import LAWS, Subject, check_stage

    def make() -> HighPass:
        return HighPass(250.0, 2)

    check_stage(make, signal)                # all of them

    @pytest.mark.parametrize("law", LAWS)    # or, with pytest, a test for each
    def test_laws(law):
        law(Subject(make, (signal,)))

A law that is broken raises AssertionError, whose message says how. `ecg_stream.stream.core.stage` says what a stage is,
and which laws it keeps.
"""

from __future__ import annotations

from .laws import LAWS, check_stage
from .subject import Subject, push_arrays

__all__ = ["LAWS", "Subject", "check_stage", "push_arrays"]
