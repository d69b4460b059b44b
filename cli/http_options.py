"""The options that `subscribe` and `replay` share: the ward in a browser."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

import typer

from ..errors import MissingExtraError, RequestError
from ..words import plain

if TYPE_CHECKING:
    import socket
    from types import TracebackType

    from ..stream.run.engine import Step
    from ..stream.run.summary import Summary
    from ..stream.web.access import Access
    from ..stream.web.ward import WebWard

TOKEN_VARIABLE = "ECG_STREAM_HTTP_TOKEN"

Http: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--http", metavar="[HOST:]PORT", help="Show it in a browser, and serve its API.  [default host: 127.0.0.1]"
    ),
]
HttpToken: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--http-token-file",
        metavar="FILE",
        help="File whose first line lets in who knows it; else $ECG_STREAM_HTTP_TOKEN. For hosts beside this machine.",
    ),
]
HttpProxy: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--http-proxy", metavar="ADDRESS", help="Take requests only from this proxy, which knows who its users are."
    ),
]
HttpUserHeader: TypeAlias = Annotated[
    str, typer.Option("--http-user-header", metavar="NAME", help="The header in which it names them.")
]
HttpName: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--http-name", metavar="NAME", help="A name that browsers know this service by; may be repeated."),
]


class WebPage(AbstractAsyncContextManager["WebPage", None]):
    """A sink that shows what it gets in a browser: it listens from the start, and serves while it is open."""

    def __init__(self, ward: WebWard, access: Access, listener: socket.socket) -> None:
        self.ward = ward
        self._access = access
        self._listener = listener
        self._stack = AsyncExitStack()

    @classmethod
    def of(
        cls,
        source: str,
        http: str,
        token_file: Path | None,
        proxy: str | None,
        user_header: str,
        names: list[str] | None,
    ) -> WebPage:
        """Listen where `http` says, for a ward that comes from `source`.

        Raises
        ------
        RequestError
            If the address cannot be had, or others could see the patients.
        """
        try:
            from ..stream.web import server  # noqa: F401  is it installed?
        except ImportError:
            raise MissingExtraError("the ward in a browser", "web") from None
        from ..stream.web.access import Access
        from ..stream.web.address import HttpAddress
        from ..stream.web.ward import WebWard

        address = HttpAddress.of(http)
        access = Access.of(address, _token(token_file), proxy, user_header, names or ())
        return cls(WebWard(plain(source)), access, address.listen())

    async def __aenter__(self) -> Self:
        """Begin to serve, and say where."""
        from ..stream.web.address import url_of
        from ..stream.web.server import serving

        await self._stack.enter_async_context(serving(self.ward, self._access, self._listener))
        print(f"in a browser: {url_of(self._listener)}", file=sys.stderr)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Let all browsers go."""
        await self._stack.__aexit__(kind, error, trace)

    async def write(self, step: Step) -> None:
        """Show a step."""
        await self.ward.write(step)

    async def finish(self, record: str, summary: Summary) -> None:
        """Let a patient go."""
        await self.ward.finish(record, summary)


def _token(file: Path | None) -> str | None:
    """Read the token; it is never shown."""
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RequestError(f"cannot read {file}: {why}", about="http token") from None
    if not lines or not lines[0].strip():
        raise RequestError(f"{file} holds no token: its first line is to be the token", about="http token")
    return lines[0].strip()
