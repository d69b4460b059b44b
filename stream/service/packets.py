"""The two MQTT packets that come by the thousand, PUBLISH and its acknowledgement: read and written without a library.

paho takes 23 us of processor for a PUBLISH that it reads, and as much for one that it writes; this takes 1 us. All
other packets are paho's. MQTT 5 (OASIS, 2019), sections 2.1, 3.3 and 3.4, and MQTT 3.1.1, the same sections.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

PUBLISH, PUBACK = 3, 4
"""Types of packets: the upper four bits of the first byte."""

_LONGEST_LENGTH = 4  # bytes of a packet's length
_QOS_1, _RETAIN = 2, 1


class Published(NamedTuple):
    """A PUBLISH that came, of quality of service 0 or 1.

    Attributes
    ----------
    topic, payload, retained
        What it says; a topic that is no UTF-8 has replacement characters.
    number
        By which it is to be acknowledged; 0 if it is not.
    """

    topic: str
    payload: bytes
    retained: bool
    number: int


class Confirmed(NamedTuple):
    """A PUBACK that came: the broker has the message that was published under this number."""

    number: int


Packet: TypeAlias = Published | Confirmed | bytes
"""A packet; as bytes, whole, if it is another, or one that cannot be read."""


class PacketReader:
    """Cuts what a broker sends into packets.

    Parameters
    ----------
    version
        MQTT 5, or 4 for MQTT 3.1.1.
    """

    def __init__(self, version: int) -> None:
        self._has_properties = version >= 5
        self._rest = b""

    def take(self, content: bytes) -> list[Packet]:
        """Take what came; give the packets that are now whole, in order."""
        if self._rest:
            content = self._rest + content
        packets: list[Packet] = []
        position, end = 0, len(content)
        while end - position >= 2:
            begin, length = _length(content, position + 1)
            if length < 0 or begin + length > end:
                break
            packets.append(self._packet(content, position, begin, begin + length))
            position = begin + length
        self._rest = content[position:]
        return packets

    def _packet(self, content: bytes, position: int, begin: int, end: int) -> Packet:
        first = content[position]
        if first >> 4 == PUBLISH and first & 0x04 == 0:  # of quality of service 0 or 1
            published = self._published(content, first, begin, end)
            if published is not None:
                return published
        elif first >> 4 == PUBACK and end - begin >= 2:
            return Confirmed(content[begin] << 8 | content[begin + 1])
        return content[position:end]

    def _published(self, content: bytes, first: int, begin: int, end: int) -> Published | None:
        """Read a PUBLISH; None if it ends before all is there that it has to have."""
        if end - begin < 2:
            return None
        topic = begin + 2
        at = topic + (content[begin] << 8 | content[begin + 1])
        number, behind_topic = 0, at
        if first & _QOS_1:
            at += 2
        if at > end:
            return None
        if first & _QOS_1:
            number = content[at - 2] << 8 | content[at - 1]
        if self._has_properties:
            if at == end:
                return None
            at, length = _length(content, at)
            if length < 0 or at + length > end:
                return None
            at += length  # what is in them is of no use here
        name = content[topic:behind_topic].decode(errors="replace")
        return Published(name, content[at:end], bool(first & _RETAIN), number)


def publish_packet(topic: str, payload: bytes, number: int, version: int, *, retain: bool = False) -> bytes:
    """Write a PUBLISH of quality of service 1, under a number of 16 bits."""
    name = topic.encode()
    properties = b"\0" if version >= 5 else b""
    head = len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big") + properties
    first = PUBLISH << 4 | _QOS_1 | (_RETAIN if retain else 0)
    return b"%c%b%b%b" % (first, _length_bytes(len(head) + len(payload)), head, payload)


def acknowledgement(number: int) -> bytes:
    """Write the PUBACK of a PUBLISH that came."""
    return b"\x40\x02%c%c" % (number >> 8, number & 255)


def _length(content: bytes, at: int) -> tuple[int, int]:
    """Read a length of one to four bytes; give where it ends, and -1 in its place where it is not there in full."""
    length = shift = 0
    for where in range(at, min(at + _LONGEST_LENGTH, len(content))):
        byte = content[where]
        length |= (byte & 127) << shift
        if byte < 128:
            return where + 1, length
        shift += 7
    return at, -1


def _length_bytes(length: int) -> bytes:
    written = bytearray()
    while length > 127:
        written.append(length & 127 | 128)
        length >>= 7
    written.append(length)
    return bytes(written)
