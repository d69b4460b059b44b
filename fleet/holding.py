"""What a shard says of itself, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Holding:
    """Who is at a shard.

    Attributes
    ----------
    owned
        Patients whose streams it runs.
    arriving
        Patients whose messages it keeps, unread and unacknowledged, until it is told what to do with them.
    leaving
        Patients whose streams it has put down; their last state is kept until another shard has saved it.
    heirs
        The shard that prepared for each of these: it has heard what came since, and no other has.
    """

    owned: frozenset[str] = frozenset()
    arriving: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()
    heirs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShardReport:
    """A shard at one moment.

    Attributes
    ----------
    shard, epoch
        Its name, and how often it was started.
    connected
        Whether it is connected to the broker and has taken up its state.
    patients
        Running sessions.
    waiting, lag_s
        Messages that wait, and for how long the oldest has.
    unacknowledged
        Messages that no snapshot holds yet.
    snapshot_age_s, snapshot_s, snapshot_bytes
        Since when the last snapshot is there, how long it took, and how large it was.
    messages, beats, samples
        Taken and told since the start; samples of all leads at one time count once.
    cpu_s, pipeline_s
        Processor time of the process, and of the pipelines in it.
    version
        Changes with `holding`.
    holding
        Who is there; None if the version is the one that the asker knows.
    """

    shard: str
    epoch: int
    connected: bool
    patients: int
    waiting: int
    lag_s: float
    unacknowledged: int
    snapshot_age_s: float
    snapshot_s: float
    snapshot_bytes: int
    messages: int
    beats: int
    samples: int
    cpu_s: float
    pipeline_s: float
    version: int
    holding: Holding | None = None
