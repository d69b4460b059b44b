"""What every process of a fleet is told at its start. It travels between machines, so it holds plain values only."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..stream.pipeline import DEFAULT_MODEL
from ..stream.rhythm.alert_table import AlertTable
from ..stream.service.address import PASSWORD_VARIABLE, USER_VARIABLE, BrokerAddress


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the broker, see `BrokerAddress.of`. The files are to be there, under these names, on every node.

    Attributes
    ----------
    user, password
        What the environment of the command said; the environment of a node is another one.
    """

    url: str
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    password_file: str | None = None
    user: str | None = field(default_factory=lambda: os.environ.get(USER_VARIABLE))
    password: str | None = field(default_factory=lambda: os.environ.get(PASSWORD_VARIABLE), repr=False)

    def address(self) -> BrokerAddress:
        """Give the address, with what the files hold.

        Raises
        ------
        RequestError
            As `BrokerAddress.of` does.
        """
        files = {"ca": self.ca, "certificate": self.certificate, "key": self.key, "password_file": self.password_file}
        address = BrokerAddress.of(self.url, **{name: Path(file) for name, file in files.items() if file})
        user = address.user or self.user
        return replace(address, user=user, password=address.password or (self.password if user else None))


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """A fleet.

    Attributes
    ----------
    access
        The broker.
    state
        Where the state is: a folder that all nodes see, or a URL that fsspec knows.
    name
        Tells fleets of one Ray cluster and one broker apart; its MQTT client ids begin with it.
    prefix
        Topic levels before the patient.
    model
        Beat bundle, by name or path; a path is to be there on every node.
    snapshot_s
        Seconds between snapshots of a shard.
    silence_s
        A session that got nothing new for so long is ended.
    alerts
        What somebody is to look at; None is the built-in table.
    """

    access: Access
    state: str
    name: str = "ecg-fleet"
    prefix: str = "ecg"
    model: str = DEFAULT_MODEL
    snapshot_s: float = 2.0
    silence_s: float = 300.0
    alerts: AlertTable | None = None

    def client_id(self, part: str) -> str:
        """Give the MQTT client id of a shard or the coordinator."""
        return f"{self.name}-{part}"
