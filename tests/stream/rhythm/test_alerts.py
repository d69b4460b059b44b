"""Alerts: what is told of the rhythms, when, how often, and where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rhythm_beats import DELAY, FS, beats, row

from ecg_stream.errors import RequestError
from ecg_stream.stream.core.messages import Alert, Rhythm
from ecg_stream.stream.core.snapshots import from_bytes, to_bytes
from ecg_stream.stream.rhythm.alert_table import AlertRow, AlertTable, RateRow
from ecg_stream.stream.rhythm.limits import RhythmLimits
from ecg_stream.stream.rhythm.rule import RhythmBeat
from ecg_stream.stream.rhythm.rules import FOUND
from ecg_stream.stream.rhythm.stage import Decided, RhythmStage

TABLE = AlertTable()


def stage(table: AlertTable | None = None) -> RhythmStage:
    return RhythmStage(RhythmLimits(), FS, ("II",), alerts=TABLE if table is None else table)


def alerts(decided: Sequence[Decided], table: AlertTable | None = None) -> list[Alert]:
    """What a fresh stage tells of beats, as alerts; the stream goes on after them."""
    return [each for each in stage(table).push(decided, [], decided[-1][0] + 1) if isinstance(each, Alert)]


def short(told: Sequence[Alert]) -> list[str]:
    return [f"{each.state} {each.name}" for each in told]


def of_quality(decided: Sequence[Decided], quality: float) -> list[Decided]:
    found = []
    for sample, item in decided:
        assert isinstance(item, RhythmBeat)
        found.append((sample, item._replace(beat=replace(item.beat, quality=quality))))
    return found


def test_the_built_in_table_has_every_rhythm_and_what_kills_is_high_whatever_the_quality() -> None:
    assert set(TABLE.rhythms) == FOUND - {"paced"}  # who has a pacemaker is known
    high = {name for name, each in TABLE.rhythms.items() if each.priority == "high"}
    tachycardias = {"ventricular-tachycardia", "sustained-ventricular-tachycardia"}
    assert high == {"ventricular-fibrillation", "asystole", *tachycardias}
    assert all(TABLE.rhythms[name].quality == 0 for name in high)
    assert all(each.repeat_s == 0 or each.repeat_s >= 30 for each in TABLE.rows.values())


def test_an_alert_is_told_with_its_rhythm_and_ends_with_it() -> None:
    outputs = stage().push(beats([*row("NNNN"), *row("VVVVVVVV", 0.4), *row("NNNN")]), [], 20 * 250)
    found = [each for each in outputs if isinstance(each, Alert | Rhythm) and each.name == "ventricular-tachycardia"]
    begins, alert, ends, over = found
    assert isinstance(begins, Rhythm)
    assert isinstance(alert, Alert)
    assert (alert.state, alert.priority, alert.why, alert.onset) == ("begin", "high", begins.why, begins.sample)
    assert (alert.sample, alert.time, alert.delay_ms) == (begins.sample, begins.time, begins.delay_ms)
    assert isinstance(over, Alert)
    assert (over.state, over.onset) == ("end", begins.sample)
    assert (over.sample, over.length_s) == (ends.sample, ends.length_s)
    assert [outputs.index(each) for each in found] == sorted(outputs.index(each) for each in found)


def test_what_goes_on_is_repeated_each_thirty_seconds_of_the_stream() -> None:
    told = alerts(beats([*row("NNNN"), *row("V" * 260, 0.4), *row("NN")]))
    sustained = [each for each in told if each.name == "sustained-ventricular-tachycardia"]
    assert [each.state for each in sustained] == ["begin", "repeat", "repeat", "end"]
    first = sustained[0].sample + round(sustained[0].delay_ms * FS / 1000)
    assert [each.sample - first for each in sustained[1:3]] == [30 * FS, 60 * FS]
    assert [each.delay_ms for each in sustained[1:3]] == [0, 0]
    assert sustained[1].length_s == pytest.approx((sustained[1].sample - sustained[0].sample) / FS)


def test_a_repetition_comes_by_time_alone() -> None:
    silent = stage(AlertTable({"asystole": AlertRow("high", 45.0, 0.0)}, {}))
    silent.push(beats(row("NNNN")), [], 5 * 250)
    told = [each for each in silent.push([], [], 110 * 250) if isinstance(each, Alert)]
    assert short(told) == ["begin asystole", "repeat asystole", "repeat asystole"]
    first = told[0].sample + round(told[0].delay_ms * FS / 1000)
    assert [each.sample - first for each in told[1:]] == [45 * 250, 90 * 250]


def test_low_priority_is_told_once() -> None:
    told = alerts(beats([("N", 1.0), ("V", 0.6)] * 100))
    assert short(told) == ["begin bigeminy", "begin frequent-ventricular-beats"]


def test_what_comes_again_too_soon_waits_and_is_counted() -> None:
    """Couplets each five seconds: the first is told, and the next one after half a minute."""
    couplets = beats([each for _ in range(14) for each in (*row("NNNN", 1.0), *row("VV", 0.5))])
    told = [each for each in alerts(couplets) if each.name == "couplet"]
    assert [each.state for each in told] == ["begin", "end"] * 3
    begins = told[::2]
    assert [each.times for each in begins] == [1, 6, 6]
    at = [each.sample + round(each.delay_ms * FS / 1000) for each in begins]
    assert all(later - earlier >= 30 * FS for earlier, later in pairwise(at))


def test_what_comes_again_too_soon_is_told_later_if_it_lasts() -> None:
    slow, normal = row("N" * 12, 1.4), row("N" * 10, 0.8)
    told = alerts(beats([*normal, *slow, *normal, *row("N" * 40, 1.4)]), AlertTable(rates={}))
    first, over, again = told[:3]
    assert short(told[:3]) == ["begin bradycardia", "end bradycardia", "begin bradycardia"]
    known_at = again.sample + round(again.delay_ms * FS / 1000)
    assert known_at == first.sample + round(first.delay_ms * FS / 1000) + 30 * FS
    assert over.sample < again.onset == again.sample < known_at


def test_high_priority_does_not_wait() -> None:
    told = alerts(beats([*row("NNNN"), *row("V" * 8, 0.4), *row("NNNN"), *row("V" * 8, 0.4), *row("NNNN")]))
    tachycardias = [each for each in told if each.name == "ventricular-tachycardia"]
    assert [each.state for each in tachycardias] == ["begin", "end", "begin", "end"]
    assert [each.times for each in tachycardias] == [1, 1, 1, 1]


def test_low_quality_silences_an_alert_until_it_is_better() -> None:
    table = AlertTable({"tachycardia": AlertRow("medium", 30.0, 0.9)}, {})
    fast = beats(row("N" * 40, 0.4))
    assert alerts(of_quality(fast, 0.88), table) == []
    (told,) = alerts([*of_quality(fast[:20], 0.88), *of_quality(fast[20:], 1.0)], table)
    assert (told.state, told.onset) == ("begin", fast[8][0] - DELAY)
    assert fast[20][0] < told.sample + told.delay_ms * FS / 1000 <= fast[28][0]


def test_ventricular_tachycardia_is_told_whatever_the_quality() -> None:
    decided = of_quality(beats([*row("NNNNNNNN"), *row("V" * 10, 0.4)]), 0.1)
    assert "begin ventricular-tachycardia" in short(alerts(decided))
    assert "begin ventricular-run" not in short(alerts(decided))


def test_a_rate_is_an_alert_of_its_own() -> None:
    told = alerts(beats([*row("NNNN"), *row("N" * 20, 1.7), *row("N" * 20, 0.8)]))
    assert short(told) == [
        "begin bradycardia",
        "begin extreme-bradycardia",
        "end extreme-bradycardia",
        "end bradycardia",
    ]
    assert [each.priority for each in told] == ["medium", "high", "high", "medium"]
    assert told[1].why == "median rate 35/min over 8 intervals"


def test_no_rate_is_told_while_something_says_more() -> None:
    told = short(alerts(beats([*row("N" * 25, 0.3), *row("V" * 40, 0.3), *row("N" * 30, 0.3)])))
    tachycardia, over = told.index("begin ventricular-tachycardia"), told.index("end ventricular-tachycardia")
    assert told.index("begin extreme-tachycardia") < told.index("end extreme-tachycardia") < tachycardia
    assert "begin extreme-tachycardia" in told[over:]
    assert not any("extreme" in each for each in told[tachycardia:over])


def test_a_rate_is_told_when_it_has_lasted() -> None:
    """It is above the limit for 3.5 s, which is not told, and then for more than 4."""
    decided = beats([*row("N" * 10, 0.3), *row("N" * 12, 0.8), *row("N" * 23, 0.3)])
    (told,) = [each for each in alerts(decided) if "extreme" in each.name]
    assert (told.state, told.delay_ms, told.times) == ("begin", 4000.0 + 1000 * DELAY / FS, 1)


def test_a_rate_ends_where_intervals_are_missing() -> None:
    fast = beats(row("N" * 30, 0.3))
    sample, item = fast[25]
    assert isinstance(item, RhythmBeat)
    fast[25] = (sample, item._replace(beat=replace(item.beat, rr_ms=None)))
    rates = [each for each in alerts(fast[:28]) if each.name == "extreme-tachycardia"]
    assert [each.state for each in rates] == ["begin", "end"]
    assert rates[1].why == "intervals are missing"


def test_the_end_of_the_stream_ends_alerts() -> None:
    running = stage()
    running.push(beats(row("N" * 30, 0.3)), [], 10 * 250)
    ended = running.finish(10 * 250)
    assert {each.name for each in ended if isinstance(each, Alert)} == {"tachycardia", "extreme-tachycardia"}
    assert running.finish(11 * 250) == []


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["NNNNNNNN", "VV", "VVVVVVVVV", "NVNVNVNV", "NNNN"]), min_size=3, max_size=20),
    st.sampled_from([0.3, 0.45, 0.8, 1.3, 1.7]),
    st.floats(0.0, 1.0),
    st.data(),
)
def test_cuts_and_a_snapshot_anywhere_change_nothing(rows, interval_s, quality, data) -> None:
    decided = of_quality(beats([each for text in rows for each in row(text, interval_s)]), quality)
    stop = decided[-1][0] + 60 * 250
    whole = stage().push(decided, [], stop)
    cut = sorted(data.draw(st.lists(st.integers(1, stop - 1), max_size=4)))
    running, found, begin = stage(), [], 0
    for end in (*cut, stop):
        found += running.push([each for each in decided if begin <= each[0] < end], [], end)
        state = from_bytes(to_bytes(running.snapshot()))
        running, begin = stage(), end
        assert running.restore(state) == []
    assert found == whole
    went_on: set[str] = set()
    for alert in (each for each in whole if isinstance(each, Alert)):  # each begins before it is repeated or ends
        assert (alert.name in went_on) == (alert.state != "begin")
        went_on = went_on - {alert.name} if alert.state == "end" else went_on | {alert.name}


def test_a_state_without_alerts_tells_what_goes_on() -> None:
    before = stage()
    before.push(beats(row("N" * 20, 0.45)), [], 10 * 250)
    state = before.snapshot()
    del state["alerts"]
    after = stage()
    assert after.restore(after.schema.upgrade({**state, "schema": 1})) == []
    told = [each for each in after.push([], [], 11 * 250) if isinstance(each, Alert)]
    assert [(each.state, each.name, each.why) for each in told] == [("begin", "tachycardia", "it goes on")]


def test_a_state_of_a_later_layout_begins_afresh_and_says_so() -> None:
    before = stage()
    before.push(beats(row("N" * 20, 0.45)), [], 10 * 250)
    state = before.snapshot()
    state["alerts"]["schema"] = 9
    after = stage()
    (note,) = after.restore(state)
    assert note.startswith("alerts: its saved state has layout 9")
    assert short([each for each in after.push([], [], 11 * 250) if isinstance(each, Alert)]) == ["begin tachycardia"]


def test_after_a_restart_with_another_table_what_goes_on_is_ended_and_not_repeated() -> None:
    before = stage()
    before.push(beats(row("N" * 30, 0.35)), [], 11 * 250)  # tachycardia, and an extreme one
    after = stage(AlertTable({}, {}))
    after.restore(before.snapshot())
    told = [each for each in after.push(beats(row("N" * 20), 12.0), [], 100 * 250) if isinstance(each, Alert)]
    assert short(told) == ["end extreme-tachycardia", "end tachycardia"]
    assert [each.priority for each in told] == ["high", "medium"]


@pytest.mark.parametrize(
    ("rhythms", "rates", "says"),
    [
        ({"asystol": AlertRow("high", 30.0)}, {}, "rhythm.asystol: valid are .*asystole"),
        (
            {"asystole": AlertRow("urgent", 30.0)},
            {},
            "rhythm.asystole.priority is 'urgent': valid are high, medium, low",
        ),  # type: ignore[arg-type]
        ({"asystole": AlertRow("high", 10.0)}, {}, "rhythm.asystole.repeat_s is 10: valid are 30 seconds and more"),
        ({"asystole": AlertRow("high", 30.0, 2.0)}, {}, "rhythm.asystole.quality is 2: valid are 0 to 1"),
        ({"noise": AlertRow("low", 0.0, 0.5)}, {}, "rhythm.noise.quality is 0.5: valid is 0"),
        ({}, {"Slow": RateRow("high", 30.0, below=40.0, until=45.0)}, "rate.Slow: valid are names"),
        ({}, {"asystole": RateRow("high", 30.0, below=40.0, until=45.0)}, "rate.asystole: valid are names"),
        ({}, {"slow": RateRow("high", 30.0)}, "rate.slow.below is missing, or both are given: valid is one of below"),
        ({}, {"slow": RateRow("high", 30.0, below=40.0, until=35.0)}, "rate.slow.until is 35: valid are 40"),
        ({}, {"fast": RateRow("high", 30.0, above=150.0, until=155.0)}, "rate.fast.until is 155: valid are 10 to 150"),
        ({}, {"fast": RateRow("high", 30.0, above=1500.0)}, "rate.fast.above is 1500: valid are 10 to 300"),
        ({}, {"fast": RateRow("high", 30.0, above=150.0, until=150.0, lasts_s=99.0)}, "rate.fast.lasts_s is 99: valid"),
    ],
)
def test_a_table_that_no_alert_can_work_with_is_refused(rhythms, rates, says) -> None:
    with pytest.raises(RequestError, match=says):
        AlertTable(rhythms, rates)
