"""The legend of the monitor: every mark and every key in plain words."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style

from .palette import ALARM, BOLD, CLASS_STYLES, DIFFERS, PLAIN, QUIET, Line, block

MARK, KEY = 14, 10
"""Width of a mark and of a key, characters."""

NARROW, WIDE, RIGHT = 51, 79, 31
"""Width of the left column, of one with longer words, and of the right one."""

_MARKS: tuple[tuple[str, Style, str, str], ...] = (
    ("N", CLASS_STYLES["N"], "normal beat", ", bundle branch block and escape beats too"),
    ("S", CLASS_STYLES["S"], "early, from above the ventricles", ": supraventricular ectopic"),
    ("V", CLASS_STYLES["V"], "from a ventricle, most often wide", ": ventricular ectopic"),
    ("F", CLASS_STYLES["F"], "fusion: a normal and a V at once", ""),
    ("Q", CLASS_STYLES["Q"], "paced, or cannot be classified", ""),
    ("ref", QUIET, "what people marked; their rhythm", ", such as (AFIB"),
    ("V", DIFFERS, "they say V and we do not", ": another class, or no beat"),
    ("-", DIFFERS, "they have no beat and we do", ""),
    ("▲ ▸", BOLD, "the beat that you stepped to", ""),
    ("99% good", QUIET, "measured, of the last 10 s", ", and none of the next three"),
    ("lead-off flat", ALARM, "no electrode; a dead line", ""),
    ("saturation", ALARM, "the amplifier is at its limit", ""),
    ("SNR 17 dB", QUIET, "QRS height over the noise", ", as the QRS detector sees this lead"),
    ("⣰⠉⣆ 0.5 mV", QUIET, "a pulse of that voltage", ", to measure the trace by"),
    ("╵00:15", QUIET, "stream time; a dot is 40 ms wide", ""),
    ("72 /min", PLAIN, "heart rate of the last 9 beats", ""),
    ("97 2 1 · ·", PLAIN, "probability of each class, %", "; that of the label is bold"),
    ("RR", PLAIN, "time since the beat before, ms", ""),
    ("delay", PLAIN, "from R peak to label, ms", ": median, 95 % below it, longest"),
    ("compute lag", PLAIN, "ms of work; ms late", ", for each chunk"),
    ("Se +P same", PLAIN, "found; real; of the same class", ": % of theirs, of ours, of both"),
)

_KEYS = (
    ("space", "stop, go on"),
    ("← →", "one second"),
    (", .", "one beat"),
    ("n N", "next, last not N"),
    ("r R", "next, last rhythm"),
    ("+ -", "faster, slower"),
    ("1 to 9", "one lead, all leads"),
    ("s", "save a picture"),
    ("Esc", "to the newest"),
    ("q", "end"),
)

_LINES = (
    ("*", "a rhythm, and why"),
    ("!", "an event, no beat"),
    ("!!! !! !", "alert: high to low"),
)

_NOTES = (
    "A record waits while you",
    "look. A live stream goes on;",
    "its picture stands.",
    "The last half hour is kept.",
    "What comes after is played",
    "at full speed.",
)


def legend(width: int, height: int) -> list[Line]:
    """Explain every mark and key, in `height` lines."""
    wide = width >= WIDE + RIGHT
    marks = [
        [Segment(" "), Segment(mark, style), Segment(" " * (MARK - len(mark))), Segment(told + more if wide else told)]
        for mark, style, told, more in _MARKS
    ]
    keys: list[Line] = [[Segment(f" {key:{KEY - 1}}", BOLD), Segment(told)] for key, told in _KEYS]
    notes: list[Line] = [[], *([Segment(f" {note}", QUIET)] for note in _NOTES)]
    lines: list[Line] = [[], *([Segment(f" {mark:{KEY - 1}}", BOLD), Segment(told)] for mark, told in _LINES)]
    left: list[Line] = [[Segment(" What the marks say", BOLD)], *marks]
    right: list[Line] = [[Segment(" Keys", BOLD)], *keys, *lines, *notes]
    column = min(width, WIDE if wide else NARROW)
    rows = max(0, height - 1)
    pairs = zip(block(left, rows, column), block(right, rows, max(0, width - column)), strict=True)
    return [*([*one, *other] for one, other in pairs), [Segment(" any key goes back to the picture", QUIET)]]
