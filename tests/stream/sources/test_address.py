from __future__ import annotations

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.stream.sources.address import SourceAddress
from ecg_stream.stream.sources.arriving import fit_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-", SourceAddress("stdin")),
        ("lsl:My ECG: 2?x", SourceAddress("lsl", "My ECG: 2?x")),
        ("lsl:", SourceAddress("lsl")),
        ("polar:", SourceAddress("polar")),
        ("polar:A0:9E:1A:00:00:01", SourceAddress("polar", "A0:9E:1A:00:00:01")),
        ("serial:/dev/ttyUSB0?fs=250", SourceAddress("serial", "/dev/ttyUSB0", fs=250.0)),
        ("serial:COM3?baud=9600&leads=II,V1", SourceAddress("serial", "COM3", baud=9600, leads=("II", "V1"))),
        ("udp://:5005", SourceAddress("udp", "", 5005)),
        (
            "udp://[::1]:5005?fs=500&format=int16&unit=200/mV&number=sample",
            SourceAddress("udp", "::1", 5005, fs=500.0, binary=True, unit="200/mV", number="sample"),
        ),
    ],
)
def test_an_address_is_read(text: str, expected: SourceAddress) -> None:
    assert SourceAddress.of(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("119", "no live source '119'"),
        ("tcp://:5005", "valid are lsl:NAME"),
        ("stdin:", "no live source"),
        ("serial:?fs=250", "no serial port"),
        ("serial:/dev/ttyUSB0?rate=250", "no option 'rate'"),
        ("serial:/dev/ttyUSB0?fs=fast", "no sampling rate"),
        ("serial:/dev/ttyUSB0?baud=-1", "whole number"),
        ("udp:5005", "no UDP port"),
        ("udp://host", "no UDP port"),
        ("udp://:99999", "no UDP port"),
        ("udp://:5005?format=int32", "lines and int16"),
        ("udp://:5005?number=sample", "no number 'sample' in lines"),
    ],
)
def test_what_is_none_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        SourceAddress.of(text)
    assert len(str(caught.value).splitlines()) == 1


def test_names_are_fit_for_files_and_topics() -> None:
    assert fit_name("Polar H10 1234ABCD") == "Polar-H10-1234ABCD"
    assert fit_name("../../etc/passwd") == "etc-passwd"
    assert fit_name("心電図") == "live"
    assert len(fit_name("x" * 200)) == 64
