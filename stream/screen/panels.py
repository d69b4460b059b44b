"""The lower part of the monitor: heart rate and counts, the last beats, timing and agreement, the latest events."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style

from ..core.messages import CLASSES, Alert, Beat, Event, Rhythm
from ..run.sinks import clock, line
from ..run.summary import Percentiles
from .palette import ALARM, BOLD, CLASS_STYLES, PLAIN, PRIORITY_STYLES, QUIET, TRACE, Line, block
from .view import View

LEFT = 17
RIGHT = 26
LEAVE, KEYS = "  Ctrl-C ends ", "  ? explains  q ends "
WIDE = 50
"""From this width on, the list of beats has times to the millisecond, and delays."""

_DIGITS = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    "-": ("   ", "▀▀▀", "   "),
}


def panels(view: View, width: int, rows: int) -> list[Line]:
    """Draw the three panels side by side under their titles: `rows` lines and one more."""
    middle = max(0, width - LEFT - RIGHT - 2)
    beats = "beats: class, R peak, probabilities in %" if middle >= WIDE else "beats, probabilities in %"
    if view.beats and view.beats[-1].learning:
        beats = "beats: learning, the patient is new"
    titles = [("heart", LEFT), (beats, middle), ("timing, ms", RIGHT)]
    rule = "┬".join(f"─ {title} ".ljust(space, "─")[:space] for title, space in titles)
    edge = [Segment("│", QUIET)]
    columns = zip(
        block(_heart(view), rows, LEFT),
        block(_last_beats(view, rows, middle), rows, middle),
        block(_timing(view), rows, RIGHT),
        strict=True,
    )
    return [[Segment(rule, QUIET)], *([*left, *edge, *centre, *edge, *right] for left, centre, right in columns)]


def events(view: View, rows: int, width: int) -> list[Line]:
    """Tell the alert that goes on, the latest events and changes of rhythm, or the answer to the last key."""
    leave, message = KEYS if view.controls.keys else LEAVE, view.controls.message
    rhythm, alert = view.rhythm, view.alert  # what goes on stays in sight
    latest = [event for event in view.events if not _is_begin_of(alert, event)][-rows:]
    told = [[Segment(f" {line(event)}", _event_style(event))] for event in reversed(latest)]
    is_told = view.events and view.events[-1] == rhythm
    if rhythm is not None and not is_told and (alert is None or alert.name != rhythm.name):
        told.insert(0, [Segment(f" {line(rhythm)}", ALARM)])
    if alert is not None:
        told.insert(0, [Segment(" "), Segment(line(alert), PRIORITY_STYLES[alert.priority])])
    lines = block(told or [[Segment(" no events" if view.fs else " no samples yet", QUIET)]], rows, width)
    last = [Segment(f" {message}", BOLD)] if message else lines[-1]
    return [*lines[:-1], [*block([last], 1, max(0, width - len(leave)))[0], Segment(leave, QUIET)]]


def _is_begin_of(alert: Alert | None, event: Event | Rhythm) -> bool:
    """Whether an event is where the rhythm of an alert began: the line of the alert says more."""
    return (
        alert is not None
        and isinstance(event, Rhythm)
        and event.state == "begin"
        and (event.name, event.sample) == (alert.name, alert.onset)
    )


def _event_style(event: Event | Rhythm) -> Style:
    over = event.state == "end" if isinstance(event, Rhythm) else event.kind == "lead-on"
    return PLAIN if over else ALARM


def _heart(view: View) -> list[Line]:
    """Heart rate in large digits, and the number and share of the beats of each class."""
    rate = "--" if view.heart_rate is None else f"{view.heart_rate:.0f}"
    rows: list[Line] = [[Segment("".join(f" {_DIGITS[digit][k]}" for digit in rate), TRACE)] for k in range(3)]
    rows[-1].append(Segment(" /min", QUIET))
    total = sum(view.counts.values())
    for label, count in view.counts.items():
        style = CLASS_STYLES[label] if count else QUIET
        share = f"{count / total:7.1%}" if count else ""
        rows.append([Segment(" "), Segment(label, style), Segment(f"{count:7}", style if not count else None)])
        rows[-1].append(Segment(share, QUIET))
    return rows


def _last_beats(view: View, rows: int, width: int) -> list[Line]:
    """List the last beats, the newest first: class, R peak, every probability, RR interval."""
    chosen = view.controls.chosen
    wide = width >= WIDE
    names = "".join(f"{name:>4}" for name in CLASSES)
    head = f" {'':14}{names}{'RR ms':>9}{'delay ms':>11}" if wide else f" {'':9}{names}{'RR':>5}"
    lines: list[Line] = [[Segment(head, QUIET)]]
    for beat in view.beats[:-rows:-1]:
        rr = "-" if beat.rr_ms is None else f"{beat.rr_ms:.0f}"
        when = f"{clock(beat.time):>12}" if wide else f"{_short(beat.time):>7}"
        mark = Segment("▸", BOLD) if beat == chosen else Segment(" ")
        row = [mark, Segment(beat.label, CLASS_STYLES[beat.label]), Segment(f" {when}")]
        row += [_probability(beat, k) for k in range(len(CLASSES))]
        row.append(Segment(f"{rr:>9}{beat.delay_ms:>+11.0f}" if wide else f"{rr:>5}"))
        lines.append(row)
    return lines


def _short(seconds: float) -> str:
    """Write stream time in seven characters: ``MM:SS.t``, and ``H:MM:SS`` from an hour on."""
    return clock(seconds)[2:-2] if seconds < 3600 else clock(seconds)[:-4]


def _probability(beat: Beat, k: int) -> Segment:
    percent = round(100 * beat.probabilities[k])
    return Segment(f"{percent:4}" if percent else "   ·", BOLD if CLASSES[k] == beat.label else QUIET)


def _timing(view: View) -> list[Line]:
    """Percentiles of delay, computing time and lag; sensitivity, predictivity and same class against the reference."""
    lines: list[Line] = [
        [Segment(f" {'':8}{'p50':>5}{'p95':>6}{'max':>6}", QUIET)],
        _percentiles("delay", view.delay_ms, 0),
        _percentiles("compute", view.compute_ms, 2),
        _percentiles("lag", view.lag_ms, 0),
    ]
    agreement = view.agreement
    if agreement is not None:
        lines.append([Segment(f" {'vs. ref':8}{'Se %':>5}{'+P %':>6}{'same':>6}", QUIET)])
        lines.append(_shares("QRS", *agreement.detection(), agreement.same_class()))
        lines += [_shares(label, *agreement.of_class(label)) for label in ("V", "S")]
    return lines


def _percentiles(name: str, values: Percentiles, digits: int) -> Line:
    p50, p95, top = (
        "-" if v is None else f"{v:.{digits if v < 10 else 0}f}" for v in (values.p50, values.high, values.max)
    )
    return [Segment(f" {name:8}{p50:>5}{p95:>6}{top:>6}")]


def _shares(name: str, *shares: float | None) -> Line:
    text = ("-" if share is None else f"{100 * share:.1f}" for share in shares)
    return [Segment(f" {name:7}" + "".join(f"{each:>6}" for each in text))]
