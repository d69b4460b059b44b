"""Who belongs where, and what is to be done so that everyone is there."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.fleet.holding import Holding
from ecg_stream.fleet.placement import shard_names, shard_of
from ecg_stream.fleet.planning import BATCH, Placement, Plan, make_plan

PATIENTS = [f"bed-{number}" for number in range(3000)]


def test_patients_are_spread_evenly_and_always_the_same_way() -> None:
    counts = Counter(shard_of(patient, shard_names(10)) for patient in PATIENTS)
    assert set(counts) == set(shard_names(10))
    assert 240 < min(counts.values()) <= max(counts.values()) < 360
    assert shard_of("bed-7", ["shard-1", "shard-0"]) == shard_of("bed-7", ["shard-0", "shard-1"])
    # Written down: another version must find patients where this one has put them.
    assert [shard_of(patient, shard_names(4))[-1] for patient in PATIENTS[:12]] == list("110331113221")


@settings(max_examples=30, deadline=None, database=None)
@given(st.integers(1, 12), st.integers(1, 12))
def test_a_change_of_shards_moves_only_who_must(before: int, after: int) -> None:
    for patient in PATIENTS[:300]:
        old, new = shard_of(patient, shard_names(before)), shard_of(patient, shard_names(after))
        if old in shard_names(after):
            assert new == old or new not in shard_names(before)


def carry_out(plan: Plan, holdings: dict[str, Holding]) -> dict[str, Holding]:
    """Do what a plan says, all of it."""
    sets = {s: [set(h.owned), set(h.arriving), set(h.leaving)] for s, h in holdings.items()}
    for (source, target), patients in plan.move.items():
        for patient in patients:
            sets[source][0].discard(patient)
            sets[source][2].discard(patient)
            sets[target][0].add(patient)
            sets[target][1].discard(patient)
    for shard, patients in plan.admit.items():
        sets[shard][0] |= set(patients)
        sets[shard][1] -= set(patients)
    for shard, patients in plan.forget.items():
        sets[shard][2] -= set(patients)
    for shard, patients in plan.drop.items():
        sets[shard][1] -= set(patients)
    for shard, patients in plan.discharge.items():
        sets[shard][0] -= set(patients)
    return {shard: Holding(*map(frozenset, three)) for shard, three in sets.items()}


SHARDS = shard_names(5)
few = st.sampled_from(PATIENTS[:20])
somewhere = st.fixed_dictionaries({shard: st.tuples(st.frozensets(few), st.frozensets(few)) for shard in SHARDS})


@settings(max_examples=200, deadline=None, database=None)
@given(st.dictionaries(few, st.sampled_from(SHARDS)), somewhere, st.sets(few), st.sets(few), st.integers(1, 5))
def test_from_wherever_a_plan_was_broken_off_everyone_gets_where_he_belongs(
    owners: dict[str, str], others: dict[str, tuple[frozenset, frozenset]], here: set[str], gone: set[str], count: int
) -> None:
    here = here - gone
    leavers: dict[str, str] = {}
    for shard, (_, leaving) in others.items():
        leavers.update({p: shard for p in leaving if owners.get(p) != shard})
    holdings = {
        shard: Holding(
            frozenset(p for p, s in owners.items() if s == shard),
            frozenset(p for p in others[shard][0] if owners.get(p) != shard),
            frozenset(p for p, s in leavers.items() if s == shard),
        )
        for shard in SHARDS
    }
    placement = Placement(shard_names(count))
    for _ in range(8):
        plan = make_plan(here, gone, placement, holdings)
        if not plan:
            break
        holdings = carry_out(plan, holdings)
        for one in SHARDS:  # nobody is ever in two places
            for other in SHARDS:
                assert one == other or not holdings[one].owned & holdings[other].owned
    else:
        raise AssertionError("there is no end to it")
    at = {patient: shard for shard, holding in holdings.items() for patient in holding.owned}
    assert at == {patient: placement[patient] for patient in (owners.keys() | leavers.keys() | here) - gone}
    assert not any(holding.leaving for holding in holdings.values())
    assert not any(p in at for holding in holdings.values() for p in holding.arriving)


def test_moves_come_in_batches() -> None:
    holdings = {"shard-0": Holding(frozenset(PATIENTS)), "shard-1": Holding()}
    plan = make_plan(PATIENTS, (), Placement(["shard-1"]), holdings)
    assert [len(patients) for patients in plan.move.values()] == [BATCH]
    assert plan.moving == BATCH


def test_a_stranger_is_admitted_where_his_messages_wait() -> None:
    """The patient was there, and its shard died before it saved that: its session at the broker has the messages."""
    patient = next(p for p in PATIENTS if shard_of(p, SHARDS) == "shard-3")
    holdings = {shard: Holding() for shard in SHARDS} | {"shard-1": Holding(arriving=frozenset([patient]))}
    assert make_plan([patient], (), Placement(SHARDS), holdings) == Plan(admit={"shard-1": [patient]})
    assert not make_plan([], (), Placement(SHARDS), holdings)


def test_who_was_put_down_goes_to_the_shard_that_has_heard_what_came_since() -> None:
    """Also where the patient belongs elsewhere by now: it is moved on from there."""
    patient = next(p for p in PATIENTS if shard_of(p, SHARDS) == "shard-3")
    put_down = Holding(leaving=frozenset([patient]), heirs={patient: "shard-1"})
    holdings = {shard: Holding() for shard in SHARDS} | {"shard-0": put_down}
    assert make_plan([patient], (), Placement(SHARDS), holdings) == Plan(move={("shard-0", "shard-1"): [patient]})
    del holdings["shard-1"]
    assert make_plan([patient], (), Placement(SHARDS), holdings) == Plan(move={("shard-0", "shard-3"): [patient]})
