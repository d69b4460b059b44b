"""Values between samples: the spline of Catmull and Rom (1974), which goes through the samples."""

from __future__ import annotations

from ..core.compiled import compiled_part


@compiled_part
def catmull_rom(t: float) -> tuple[float, float, float, float]:
    """Give the weights of four samples in a row for the value between the second (`t` is 0) and the third (1)."""
    return (
        0.5 * t * (-1.0 + t * (2.0 - t)),
        1.0 + 0.5 * t * t * (3.0 * t - 5.0),
        0.5 * t * (1.0 + t * (4.0 - 3.0 * t)),
        0.5 * t * t * (t - 1.0),
    )
