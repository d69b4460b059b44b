"""What a source that can wait lets one do with it."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """The controls of a source that can wait: `replay.player.Player`."""

    @property
    def speed(self) -> float | None: ...  # noqa: D102  see `Player`
    @speed.setter
    def speed(self, speed: float | None) -> None: ...
    @property
    def at_end(self) -> bool: ...  # noqa: D102
    def pause(self) -> None: ...  # noqa: D102
    def resume(self) -> None: ...  # noqa: D102
    def hurry(self, until_s: float) -> None: ...  # noqa: D102
