"""What a browser shows of a ward, and when: frames a second, and the time from an R peak to its letter on the screen.

A headless Chromium, which draws in software, looks at a service while `service.measure` measures it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import MissingExtraError, RequestError
from .service import CHUNK_S, FS, Timing

if TYPE_CHECKING:
    from pathlib import Path

SETTLE_S = 5.0  # before this the page still fetches what was, and the pens find their pace

_LISTEN = """() => {
    window.drawn = [];
    window.frames = [];
    document.addEventListener("beat-drawn", (event) => {
        const {patient, time} = event.detail;
        requestAnimationFrame(() => window.drawn.push([patient, time, Date.now()]));  // by then it is on the screen
    });
    const frame = () => { window.frames.push(Date.now()); requestAnimationFrame(frame); };
    frame();
}"""


def chromium() -> str:
    """Find the browser.

    Raises
    ------
    RequestError
        If there is none.
    """
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    program = next((each for each in found if each), None)
    if program is None:
        raise RequestError("there is no Chromium to look with: install the package chromium")
    return program


class Browser:
    """Looks at a page while the block lasts.

    Parameters
    ----------
    url
        The page.
    size
        Width and height of the window, pixels.
    picture
        Where a picture is written; None writes none.
    picture_after_s
        After so long.

    Raises
    ------
    MissingExtraError
        If Playwright is not installed.
    """

    def __init__(
        self, url: str, size: tuple[int, int] = (1366, 768), picture: Path | None = None, picture_after_s: float = 12.0
    ) -> None:
        try:
            from playwright.async_api import async_playwright
        except ImportError:
            raise MissingExtraError("measuring in a browser", "bench") from None
        self._url = url
        self._size = size
        self._picture = picture
        self._picture_after_s = picture_after_s
        self._program = chromium()
        self._playwright = async_playwright()
        self._drawn: list[tuple[str, float, float]] = []
        self._frames: list[float] = []

    async def __aenter__(self) -> Self:
        """Open the page."""
        playwright = await self._playwright.__aenter__()
        browser = await playwright.chromium.launch(executable_path=self._program, args=["--no-sandbox"])
        width, height = self._size
        self._page = await browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark")
        await self._page.goto(self._url)
        await self._page.evaluate(_LISTEN)
        self._taking = asyncio.create_task(self._take_picture(), name="picture")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Take what was seen, and close the page."""
        if error is None:
            self._drawn = await self._page.evaluate("drawn")
            self._frames = await self._page.evaluate("frames")
        self._taking.cancel()
        await self._playwright.__aexit__(kind, error, trace)

    async def _take_picture(self) -> None:
        if self._picture is not None:
            await asyncio.sleep(self._picture_after_s)
            await self._page.screenshot(path=self._picture)

    def figures(self, timing: Timing) -> dict[str, Any]:
        """Give what was seen, once it is settled."""
        since = self._frames[0] + 1000 * SETTLE_S if self._frames else 0.0
        frames = np.array([each for each in self._frames if each > since])
        offset = time.time() - time.monotonic()
        waits = {}
        seen: set[tuple[str, float]] = set()
        for patient, time_s, at_ms in self._drawn:
            published = timing.published.get((patient, int(time_s // CHUNK_S)))
            known = (patient, time_s) in seen  # a trace that is drawn anew, in another scale, draws its letters again
            seen.add((patient, time_s))
            if published is None or at_ms < since or known:
                continue
            before_s = (time_s // CHUNK_S + 1) * CHUNK_S - time_s  # of the end of the chunk that holds the R peak
            waits[patient, time_s] = at_ms - 1000 * (published + offset - before_s)
        found = np.array(list(waits.values()) or [np.nan])
        return {
            "frames_per_s": round(1000 * (len(frames) - 1) / (frames[-1] - frames[0]), 1) if len(frames) > 1 else 0.0,
            "frame_ms_p99": round(float(np.percentile(np.diff(frames), 99)), 1) if len(frames) > 1 else None,
            "frame_ms_max": round(float(np.diff(frames).max()), 1) if len(frames) > 1 else None,
            "letters": len(waits),
            "r_to_pixel_ms": {
                name: round(float(np.percentile(found, percent)), 1)
                for name, percent in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))
            },
            "chunk_ms": 1000 * CHUNK_S,
            "fs": FS,
        }
