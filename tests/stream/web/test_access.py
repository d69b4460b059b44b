"""Who may look: addresses, tokens, proxies, hosts and origins."""

from __future__ import annotations

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.stream.web.access import COOKIE, Access
from ecg_stream.stream.web.address import HttpAddress

TOKEN = "0123456789abcdef"
HERE = HttpAddress("127.0.0.1", 8080)
ALL = HttpAddress("0.0.0.0", 8080)


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("8080", "127.0.0.1", 8080, True),
        ("localhost:80", "localhost", 80, True),
        ("127.0.0.9:1", "127.0.0.9", 1, True),
        ("[::1]:8080", "::1", 8080, True),
        ("0.0.0.0:8080", "0.0.0.0", 8080, False),
        ("[::]:0", "::", 0, False),
        ("ward.local:8080", "ward.local", 8080, False),
    ],
)
def test_an_address(text, host, port, loopback) -> None:
    address = HttpAddress.of(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)


@pytest.mark.parametrize("text", ["", "http", "8080x", "-1", "65536", "host:", ":8080", "::1:8080", "٣", "a:b:1"])
def test_what_is_no_address_is_refused(text) -> None:
    with pytest.raises(RequestError, match="valid is a PORT"):
        HttpAddress.of(text)


def test_a_port_that_is_taken_is_told() -> None:
    listener = HttpAddress("127.0.0.1", 0).listen()
    port = listener.getsockname()[1]
    with listener, pytest.raises(RequestError, match=f"port {port}"):
        HttpAddress("127.0.0.1", port).listen()


def test_others_are_not_let_in_without_token_or_proxy() -> None:
    with pytest.raises(RequestError, match="anybody could see the patients"):
        Access.of(ALL)
    Access.of(ALL, TOKEN)
    Access.of(ALL, proxy="10.0.0.0/8")
    Access.of(HERE)


def test_a_token_is_long_and_never_shown() -> None:
    with pytest.raises(RequestError) as caught:
        Access.of(HERE, "secret")
    assert "secret" not in str(caught.value)
    assert TOKEN not in repr(Access.of(HERE, TOKEN))
    with pytest.raises(RequestError, match="16"):
        Access.of(HERE, "sixteen letters, but ü")


def test_a_proxy_is_an_address() -> None:
    with pytest.raises(RequestError, match="no proxy"):
        Access.of(ALL, proxy="proxy.local")


def judge(access: Access, client: str = "127.0.0.1", cookie: str = "", changes: bool = False, **headers: str) -> str:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return access.judge({"host": "127.0.0.1:8080", **given}, client, {COOKIE: cookie}, changes=changes)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "192.168.1.7", "LOCALHOST", "ward"])
def test_our_hosts(host) -> None:
    assert judge(Access.of(HERE, names=["Ward"]), host=host) == "yes"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:8080", "[::1", "a b"]
)
def test_a_foreign_host_is_refused(host) -> None:
    """A name of somebody else's that resolves to our address: DNS rebinding."""
    assert judge(Access.of(HERE), host=host) == "host"


def test_a_foreign_origin_may_change_nothing() -> None:
    access = Access.of(HERE)
    assert judge(access, origin="http://evil.example", changes=True) == "origin"
    assert judge(access, origin="http://127.0.0.1:9090", changes=True) == "origin"
    assert judge(access, origin="null", changes=True) == "origin"
    assert judge(access, origin="http://127.0.0.1:8080", changes=True) == "yes"
    assert judge(access, changes=True) == "yes"  # no browser


def test_the_token_lets_in() -> None:
    access = Access.of(HERE, TOKEN)
    assert judge(access) == "who"
    assert judge(access, authorization=f"Bearer {TOKEN}") == "yes"
    assert judge(access, authorization=f"Bearer {TOKEN[:-1]}") == "who"
    assert judge(access, authorization=f"Basic {TOKEN}") == "who"
    assert judge(access, authorization="Bearer ü") == "who"
    assert judge(access, cookie=access.cookie()) == "yes"
    assert judge(access, cookie=Access.of(HERE, TOKEN + "x").cookie()) == "who"
    assert judge(access, x_remote_user="somebody") == "who"  # no proxy is trusted


def test_the_proxy_lets_in_whom_it_names() -> None:
    access = Access.of(ALL, proxy="10.0.0.5", user_header="X-User")
    assert judge(access, "10.0.0.5", x_user="nurse") == "yes"
    assert judge(access, "10.0.0.5") == "who"
    assert judge(access, "10.0.0.5", x_user=" ") == "who"
    assert judge(access, "10.0.0.6", x_user="nurse") == "proxy"
    assert judge(access, "", x_user="nurse") == "proxy"
