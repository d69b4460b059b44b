"""What stands, of a stream whose first part is run through silently: the state of its leads, the rhythms that go on."""

from __future__ import annotations

from ..core.messages import Beat, Event, EventKind, Output, Rhythm, St

_OF_LEADS: frozenset[EventKind] = frozenset({"lead-off", "flat", "saturation", "lead-on"})


class Standing:
    """Takes outputs that are not told, and keeps of them what still holds."""

    def __init__(self) -> None:
        self._leads: dict[str, Event] = {}
        self._rhythms: dict[str, Rhythm] = {}

    def note(self, output: Output) -> None:
        """Take an output."""
        if isinstance(output, Rhythm):
            self._rhythms.pop(output.name, None)
            if output.state == "begin":
                self._rhythms[output.name] = output
            return
        if isinstance(output, Beat | St):
            return
        if output.kind in ("rate-change", "leads-change"):
            self._leads.clear()
        elif output.kind == "lead-on":
            self._leads.pop(output.lead or "", None)
        elif output.kind in _OF_LEADS:
            self._leads[output.lead or ""] = output

    def take(self) -> list[Output]:
        """Give what holds, once."""
        standing: list[Output] = [*self._leads.values(), *self._rhythms.values()]
        self._leads, self._rhythms = {}, {}
        return standing


def may_have_begun(output: Output) -> bool:
    """Tell whether an output is of what may have begun long before it is told."""
    return isinstance(output, Rhythm) or (isinstance(output, Event) and output.kind in _OF_LEADS)
