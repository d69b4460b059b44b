"""Why a connection to a broker failed, in one line for people."""

from __future__ import annotations

import ssl

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from ...errors import BrokerError
from .address import PASSWORD_VARIABLE, USER_VARIABLE, BrokerAddress

_SESSION_TAKEN_OVER = 142  # MQTT 5 reason code
_CREDENTIALS = f"check {USER_VARIABLE} and {PASSWORD_VARIABLE}"


def explain(error: aiomqtt.MqttError, address: BrokerAddress) -> BrokerError:
    """Give the error that says in one line why a connection failed."""
    cause = error.__context__
    if unanswered(error):
        return BrokerError(f"{address} does not answer: is it an MQTT broker, and is TLS asked for where it is wanted?")
    if isinstance(error, MqttConnectError):
        code = code_of(error)
        if code in (4, 134):
            return BrokerError(f"{address} refuses {_who(address)}: {_CREDENTIALS}")
        if code in (5, 135):
            told = f"{address} does not let {_who(address)} in: {_CREDENTIALS}; it may want a client certificate"
            return BrokerError(told, about="client certificate")
        return BrokerError(f"{address} refuses the connection: {str(error).removeprefix('[code:').strip()}")
    if isinstance(cause, ssl.SSLCertVerificationError):
        told = f"{address} cannot be trusted: its certificate does not pass: {cause.verify_message}"
        return BrokerError(told, about="certificate authority")
    if isinstance(cause, ssl.SSLError):
        told = (
            f"{address}: TLS fails: {cause.reason or cause}; is it a TLS port, and does it want a client certificate?"
        )
        return BrokerError(told, about="client certificate")
    if "WebSocket" in str(error):
        return BrokerError(f"{address} does not speak MQTT over WebSockets: {error}; is the path right?")
    if isinstance(cause, OSError):
        return BrokerError(f"{address} cannot be reached: {cause.strerror or cause}; is the broker running?")
    return BrokerError(f"{address}: connection lost: {error}")


def unanswered(error: aiomqtt.MqttError) -> bool:
    """Tell whether the broker took the connection and then did not say whether we may come in."""
    return isinstance(error.__context__, TimeoutError) and str(error) == "Operation timed out"


def code_of(error: MqttConnectError) -> int:
    """Give the number with which a broker refused a connection; -1 if it gave none."""
    return error.rc if isinstance(error.rc, int) else int(getattr(error.rc, "value", -1))


def taken_over(error: aiomqtt.MqttError) -> bool:
    """Tell whether the broker closed the connection because another client came with the same id (MQTT 5 only)."""
    code = getattr(error.__cause__, "rc", getattr(error, "rc", None))
    return getattr(code, "value", code) == _SESSION_TAKEN_OVER


def _who(address: BrokerAddress) -> str:
    return f"user '{address.user}'" if address.user else "us without a user"
