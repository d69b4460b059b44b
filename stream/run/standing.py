"""What stands, of a stream whose first part is run through silently: states of leads, and rhythms and alerts."""

from __future__ import annotations

from ..core.messages import Alert, Beat, Event, EventKind, Output, Rhythm, St

_OF_LEADS: frozenset[EventKind] = frozenset({"lead-off", "flat", "saturation", "lead-on"})


class Standing:
    """Takes outputs that are not told, and keeps of them what still holds."""

    def __init__(self) -> None:
        self._leads: dict[str, Event] = {}
        self._rhythms: dict[str, Rhythm] = {}
        self._alerts: dict[str, Alert] = {}

    def note(self, output: Output) -> None:
        """Take an output."""
        if isinstance(output, Rhythm):
            self._rhythms.pop(output.name, None)
            if output.state == "begin":
                self._rhythms[output.name] = output
            return
        if isinstance(output, Alert):
            if output.state == "begin":
                self._alerts[output.name] = output
            elif output.state == "end":
                self._alerts.pop(output.name, None)
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
        standing: list[Output] = [*self._leads.values(), *self._rhythms.values(), *self._alerts.values()]
        self._leads, self._rhythms, self._alerts = {}, {}, {}
        return standing


def may_have_begun(output: Output) -> bool:
    """Tell whether an output is of what may have begun long before it is told."""
    return isinstance(output, Rhythm | Alert) or (isinstance(output, Event) and output.kind in _OF_LEADS)
