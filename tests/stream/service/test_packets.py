"""Packets of MQTT that we read and write ourselves, against paho, which reads and writes them too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from ecg_stream.stream.service.packets import Confirmed, PacketReader, Published, acknowledgement, publish_packet

MESSAGES = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40),
        st.binary(max_size=300) | st.integers(0, 40_000).map(bytes),
        st.booleans(),
        st.integers(1, 65_535),
    ),
    max_size=6,
)
VERSIONS = pytest.mark.parametrize("version", [4, 5])


class Written:
    """Stands for the socket of a paho client."""

    def __init__(self) -> None:
        self.content = bytearray()

    def send(self, content: bytes) -> int:
        self.content += content
        return len(content)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def paho_client(version: int) -> tuple[Client, Written]:
    client = Client(CallbackAPIVersion.VERSION2, "x", protocol=version)
    client._sock = written = Written()  # as if it were connected
    return client, written


@VERSIONS
@given(messages=MESSAGES)
def test_what_is_published_is_written_as_paho_writes_it(version: int, messages) -> None:
    client, written = paho_client(version)
    ours = b""
    for topic, payload, retain, number in messages:
        client._send_publish(number, topic.encode(), payload, 1, retain)
        ours += publish_packet(topic, payload, number, version, retain=retain)
    assert ours == bytes(written.content)


@VERSIONS
@given(messages=MESSAGES, data=st.data())
def test_however_they_are_cut_the_same_packets_are_read(version: int, messages, data) -> None:
    content, expected = b"", []
    for topic, payload, retain, number in messages:
        content += publish_packet(topic, payload, number, version, retain=retain) + acknowledgement(number)
        expected += [Published(topic, payload, retain, number), Confirmed(number)]
        content += b"\xd0\x00"  # PINGRESP, which is paho's
        expected.append(b"\xd0\x00")
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=8).map(sorted))
    reader = PacketReader(version)
    parts = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert [packet for part in parts for packet in reader.take(part)] == expected


def test_an_acknowledgement_is_written_as_paho_writes_it() -> None:
    client, written = paho_client(5)
    for number in (1, 255, 256, 65_535):
        client._send_puback(number)
    assert b"".join(map(acknowledgement, (1, 255, 256, 65_535))) == bytes(written.content)


def test_properties_are_passed_over_and_quality_0_has_no_number() -> None:
    with_properties = b"\x30\x0b\x00\x01x\x05\x26\x00\x00\x00\x00end"[:-1]
    assert PacketReader(5).take(with_properties) == [Published("x", b"en", False, 0)]
    assert PacketReader(4).take(b"\x31\x04\x00\x01xy") == [Published("x", b"y", True, 0)]
    assert PacketReader(4).take(b"\x30\x03\x00\x01\xff") == [Published("\ufffd", b"", False, 0)]


def test_a_confirmation_with_a_reason_is_one() -> None:
    assert PacketReader(5).take(b"\x40\x04\x01\x02\x10\x00") == [Confirmed(258)]


@VERSIONS
@given(content=st.binary(max_size=60))
def test_whatever_comes_is_left_to_paho_where_it_is_none_of_ours(version: int, content) -> None:
    for packet in PacketReader(version).take(content):
        assert isinstance(packet, Published | Confirmed) or packet in content


@pytest.mark.parametrize("content", [b"\x30\x01\x00", b"\x32\x03\x00\x01x", b"\x30\x03\x00\x01x", b"\x40\x01\x00"])
def test_a_packet_that_ends_too_early_is_left_to_paho(content) -> None:
    assert PacketReader(5).take(content) == [content]


def test_quality_2_is_left_to_paho() -> None:
    packet = b"\x34\x06\x00\x01x\x00\x01\x00"
    assert PacketReader(5).take(packet) == [packet]
