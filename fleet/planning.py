"""What is to be done so that every patient is at the shard where it belongs. Pure: what is there in, what to do out.

The plan is made anew from what the shards report, whenever that changes: nothing needs to be remembered of a plan that
was broken off, by whatever death.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .holding import Holding
from .placement import shard_of

BATCH = 100  # patients that are moved together: for so long as that takes, their beats wait


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, each by shard.

    Attributes
    ----------
    admit
        Patients who are nowhere yet.
    move
        Patients who are at the first shard, or were put down there, and belong to the second.
    forget
        Patients who were put down here, and have been taken on elsewhere.
    drop
        Patients whose messages are kept here in vain.
    discharge
        Patients who are gone.
    """

    admit: Mapping[str, Collection[str]] = field(default_factory=dict)
    move: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)
    forget: Mapping[str, Collection[str]] = field(default_factory=dict)
    drop: Mapping[str, Collection[str]] = field(default_factory=dict)
    discharge: Mapping[str, Collection[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return any((self.admit, self.move, self.forget, self.drop, self.discharge))

    @property
    def moving(self) -> int:
        """Number of patients to be moved."""
        return sum(map(len, self.move.values()))


class Placement:
    """Which shard each patient belongs to, worked out once."""

    def __init__(self, shards: Sequence[str]) -> None:
        self.shards = tuple(shards)
        self._found: dict[str, str] = {}

    def __getitem__(self, patient: str) -> str:
        found = self._found.get(patient)
        if found is None:
            found = self._found[patient] = shard_of(patient, self.shards)
        return found


def make_plan(
    here: Collection[str], gone: Collection[str], placement: Placement, holdings: Mapping[str, Holding]
) -> Plan:
    """Say what is to be done.

    Parameters
    ----------
    here
        Patients whose devices have said that they are there.
    gone
        Patients whose sessions are to be ended. Those who are in neither stay as they are.
    placement
        Where everyone belongs.
    holdings
        Who is where, of all shards that there are: one that is missing may have patients.
    """
    owner = {patient: shard for shard, holding in holdings.items() for patient in holding.owned}
    leaver = {patient: shard for shard, holding in holdings.items() for patient in holding.leaving}
    waiting = {patient: shard for shard, holding in holdings.items() for patient in holding.arriving}
    admit: defaultdict[str, list[str]] = defaultdict(list)
    move: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    forget: defaultdict[str, list[str]] = defaultdict(list)
    drop: defaultdict[str, list[str]] = defaultdict(list)
    discharge: defaultdict[str, list[str]] = defaultdict(list)
    for patient, shard in leaver.items():
        if patient in owner:
            forget[shard].append(patient)
        else:
            heir = holdings[shard].heirs.get(patient, "")
            move[shard, heir if heir in holdings else placement[patient]].append(patient)
    for patient, shard in owner.items():
        if patient in gone:
            discharge[shard].append(patient)
        elif placement[patient] != shard:
            move[shard, placement[patient]].append(patient)
    for patient in here:
        if patient not in owner and patient not in leaver and patient not in gone:
            # Where messages wait for the patient, it was before; that shard has only lost the memory of it.
            admit[waiting.get(patient, placement[patient])].append(patient)
    coming = {(shard, patient) for (_, shard), patients in move.items() for patient in patients}
    coming |= {(shard, patient) for shard, patients in admit.items() for patient in patients}
    for shard, holding in holdings.items():
        kept_in_vain = [patient for patient in holding.arriving if (shard, patient) not in coming]
        # A patient of whom nothing is known is kept: the birth message may be on its way to the coordinator.
        if known := [patient for patient in kept_in_vain if patient in owner or patient in gone]:
            drop[shard] = known
    batches = {pair: patients[:BATCH] for pair, patients in move.items()}
    return Plan(dict(admit), batches, dict(forget), dict(drop), dict(discharge))
