"""`ecg-stream models`: the bundles at hand and their cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import plain, plain_json

if TYPE_CHECKING:
    from ..models.bundle import Card


def models(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|PATH]...", help="Bundles to show; else all shipped ones.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the cards as one JSON object on one line.")] = False,
) -> None:
    """List the model bundles at hand and their cards.

    A bundle that is named is shown in full: what it takes, what it was trained on, and its figures.
    """
    import msgspec

    from ..models.bundle import SHIPPED, read_card, shipped_names

    shipped = shipped_names()
    cards = [read_card(SHIPPED / name if name in shipped else Path(name)) for name in names or shipped]
    if json:
        called = [card.name for card in cards]
        keys = called if len(set(called)) == len(called) else names or called  # copies of a bundle share its name
        print(plain_json(msgspec.json.encode(dict(zip(keys, cards, strict=True)))).decode())
    elif names:
        print("\n\n".join(_in_full(card) for card in cards))
    else:
        rows = [("name", "task", "architecture", "classes", "leads"), *(_row(card) for card in cards)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(card: Card) -> tuple[str, ...]:
    row = (card.name, card.task, card.arch, " ".join(card.classes), " ".join(card.leads) or "any")
    return tuple(plain(cell) for cell in row)


def _in_full(card: Card) -> str:
    import msgspec

    lines = []
    for field, value in msgspec.to_builtins(card).items():
        if value in ("", None, [], {}):
            continue
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        lines.append(f"{field:16}  {plain(text)}")
    return "\n".join(lines)
