"""What the keys of the monitor do: stop and go, look back, step from beat to beat, show a lead in full.

A recorded stream waits while one looks at it, and goes on from there. A live one goes on by itself: only the picture
stands. Looking back shows what was drawn, going on past the newest sample plays the record at full speed to there; so
what the pipeline says is the same, whatever keys are pressed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

from ..core.messages import Beat
from ..run.engine import Step
from ..run.sinks import clock
from .transport import Transport
from .view import Controls, View
from .watch import Watch

STEP_S = 1.0
AFTER_S = 1.5
"""So much of the stream is shown after a beat or a change of rhythm that was stepped to."""

SLOWEST, FASTEST = 1 / 16, 256
REACHED_S = 0.05
"""A place is taken for the same when it is no further away than this."""


class Mode(Enum):
    """What the picture does."""

    RUNS = "it shows the newest sample"
    HELD = "it stands"
    PLAYS_ON = "it shows what was, and moves on at the stream's speed"
    SEEKS = "a record is played at full speed until that comes which is sought"


class Viewer:
    """A `Watch` with a hand on the controls; takes keys as `keys.decode` names them.

    Parameters
    ----------
    watch
        Gathers what is shown.
    transport
        The source's controls; None for a live stream, which does not wait.
    save
        What ``s`` does with the view; says what it did.
    keys
        Whether there is a keyboard.

    Attributes
    ----------
    leave
        What ``q`` does; whoever runs the stream puts it here.
    """

    def __init__(
        self,
        watch: Watch,
        transport: Transport | None = None,
        *,
        save: Callable[[View], str] = lambda view: "",  # noqa: ARG005
        keys: bool = True,
    ) -> None:
        self._watch = watch
        self._transport = transport
        self._save = save
        self.leave: Callable[[], None] = lambda: None
        self._keys = keys
        self._mode = Mode.RUNS
        self._at_s: float | None = None  # where the picture stands; None is the newest sample
        self._moved: float | None = None  # the clock when the picture last moved on by itself
        self._mark_s: float | None = None  # where the beat or the change of rhythm is that was stepped to
        self._chosen: Beat | None = None
        self._find: Callable[[], bool] = lambda: True  # shows what is sought, if it has come
        self._lead: int | None = None
        self._legend = False
        self._message = ""
        self._acts: dict[str, Callable[[], None]] = {
            " ": self._stop_or_go,
            "left": lambda: self._step(-STEP_S),
            "right": lambda: self._step(STEP_S),
            ",": lambda: self._beat_before(_any, "beat"),
            ".": lambda: self._beat_after(_any),
            "n": lambda: self._beat_after(_not_normal),
            "N": lambda: self._beat_before(_not_normal, "beat that is not N"),
            "r": self._rhythm_after,
            "R": self._rhythm_before,
            "+": lambda: self._change_speed(2.0),
            "=": lambda: self._change_speed(2.0),
            "-": lambda: self._change_speed(0.5),
            "s": self._save_picture,
            "q": lambda: self.leave(),
            "?": self._show_legend,
            "escape": self._newest,
        }

    def press(self, key: str) -> None:
        """Do what a key asks for; a key without a meaning does nothing."""
        self._message = ""
        if self._legend and key != "q":
            self._legend = False
        elif key in "123456789":
            self._show_lead(int(key) - 1)
        elif key in self._acts:
            self._acts[key]()

    def take(self, step: Step) -> None:
        """Take what one chunk led to; stop there if it brings what is sought."""
        self._watch.take(step)
        if self._mode is Mode.SEEKS:
            self._find()

    def view(self, now: float) -> View:
        """Give what is to be seen at `now`, the clock's time in seconds."""
        if self._mode is Mode.PLAYS_ON:
            self._play_on(now)
        if self._mode is Mode.SEEKS and self._transport is not None and self._transport.at_end:
            self._hold()
            self._message = "the end of the record: space ends"
        return self._picture()

    def _picture(self) -> View:
        controls = Controls(self._keys, self._state(), self._chosen, self._lead, self._legend, self._message)
        return self._watch.view(at_s=self._at_s, controls=controls)

    def _state(self) -> str:
        behind = self._watch.now_s - self._shown_s()
        back = f"{behind:.0f} s back" if behind >= 1 else ""
        speed = self._transport.speed if self._transport else 1.0
        pace = "" if self._transport is None else "max" if speed is None else f"×{speed:g}"
        what = {Mode.RUNS: pace, Mode.HELD: "paused", Mode.PLAYS_ON: pace, Mode.SEEKS: "seeking"}[self._mode]
        return f"{what} {back}".strip()

    def _shown_s(self) -> float:
        return self._watch.now_s if self._at_s is None else min(self._at_s, self._watch.now_s)

    def _from_s(self) -> float:
        """Stream time from which to look for more: where one has stepped to, or what the picture ends with."""
        return self._shown_s() if self._mark_s is None else self._mark_s

    def _hold(self) -> None:
        """Let the picture stand, and the stream wait if it can."""
        self._mode = Mode.HELD
        if self._at_s is None:
            self._at_s = self._watch.now_s
        if self._transport is not None:
            self._transport.pause()

    def _go(self) -> None:
        """Show the newest sample, and let the stream go on."""
        self._message = ""
        self._mode = Mode.RUNS
        self._at_s = self._mark_s = self._chosen = None
        if self._transport is not None:
            self._transport.resume()

    def _stop_or_go(self) -> None:
        if self._mode is not Mode.HELD:
            self._hold()
        elif self._transport is not None and self._watch.now_s - self._shown_s() > REACHED_S:
            self._mode, self._moved = Mode.PLAYS_ON, None
            self._mark_s = self._chosen = None
        else:
            self._go()

    def _play_on(self, now: float) -> None:
        """Move the picture of what was on, at the stream's speed; let the stream go on where it is reached."""
        assert self._transport is not None
        speed = self._transport.speed
        if self._moved is not None:
            self._at_s = self._shown_s() + (now - self._moved) * (FASTEST if speed is None else speed)
        self._moved = now
        if self._shown_s() >= self._watch.now_s - REACHED_S:
            self._go()

    def _newest(self) -> None:
        """Show the newest sample: a live stream goes on, a record waits there."""
        self._at_s = self._mark_s = self._chosen = None
        if self._transport is None:
            self._go()
        elif self._mode is not Mode.RUNS:
            self._hold()

    def _show(self, time: float) -> None:
        """Let the picture stand at a stream time; for a later one, a record is played on to there at full speed."""
        self._hold()
        self._at_s = max(time, self._watch.oldest_s)
        if time > self._watch.now_s:
            if self._transport is None:
                self._at_s = self._watch.now_s
            else:
                self._transport.hurry(time)

    def _step(self, seconds: float) -> None:
        self._mark_s = self._chosen = None
        target = self._shown_s() + seconds
        if self._transport is None and seconds > 0 and target >= self._watch.now_s:
            self._go()
            return
        self._show(target)
        if target < self._watch.oldest_s:
            self._message = "nothing earlier is kept"

    def _choose(self, beat: Beat, latest_s: float = math.inf) -> None:
        """Step to a beat; the picture ends at `latest_s` at the latest."""
        self._show(min(beat.time + AFTER_S, latest_s))
        self._mark_s, self._chosen = beat.time, beat

    def _beat_before(self, wanted: Callable[[Beat], bool], name: str) -> None:
        found = self._watch.beats.before(self._from_s(), wanted)
        if found is None or found.time < self._watch.oldest_s:
            self._hold()
            self._message = f"no earlier {name} is kept"
        else:
            self._choose(found, self._shown_s())

    def _beat_after(self, wanted: Callable[[Beat], bool]) -> None:
        def find() -> bool:
            found = self._watch.beats.after(self._from_s(), wanted)
            if found is not None:
                self._choose(found)
            return found is not None

        self._seek(find)

    def _rhythm_after(self) -> None:
        def find() -> bool:
            change = next((each for each in self._watch.rhythm_changes() if each[0] > self._from_s()), None)
            if change is not None:
                self._show_change(*change)
            return change is not None

        self._seek(find)

    def _seek(self, find: Callable[[], bool]) -> None:
        """Step to what is found; if it has not come, a record is played at full speed until it does."""
        if find():
            return
        if self._transport is None:
            self._message = "nothing later has come yet"
            return
        self._mark_s = self._from_s()
        self._hold()
        self._mode, self._find = Mode.SEEKS, find
        self._at_s = self._chosen = None
        self._transport.hurry(math.inf)

    def _rhythm_before(self) -> None:
        changes = self._watch.rhythm_changes()
        earlier = [change for change in changes if self._watch.oldest_s <= change[0] < self._from_s()]
        if earlier:
            self._show_change(*earlier[-1])
        else:
            self._hold()
            self._message = "no earlier change of rhythm is kept"

    def _show_change(self, time: float, what: str) -> None:
        self._show(time + AFTER_S)
        self._mark_s, self._chosen = time, None
        self._message = f"{clock(time)[:-4]} {what}"

    def _change_speed(self, factor: float) -> None:
        if self._transport is None:
            self._message = "a live stream has its own speed"
            return
        speed = self._transport.speed
        if speed is None:
            self._transport.speed = FASTEST if factor < 1 else None
        else:
            faster = max(SLOWEST, speed * factor)
            self._transport.speed = None if faster > FASTEST else faster
        speed = self._transport.speed
        self._message = "at full speed" if speed is None else f"at {speed:g} times real time"

    def _show_lead(self, lead: int) -> None:
        leads = len(self._watch.view(2).leads)
        if lead >= leads:
            self._message = f"no lead {lead + 1}: there {'is 1' if leads == 1 else f'are {leads}'}"
        else:
            self._lead = None if lead == self._lead else lead

    def _show_legend(self) -> None:
        self._legend = True

    def _save_picture(self) -> None:
        self._message = self._save(self._picture())


def _any(beat: Beat) -> bool:  # noqa: ARG001  every beat
    return True


def _not_normal(beat: Beat) -> bool:
    return beat.label != "N"
