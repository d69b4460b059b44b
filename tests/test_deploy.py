"""`docs/deploy` keeps up with the code: every metric, option and file that it names is there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecg_stream.cli.app import load
from ecg_stream.stream.service.metrics import Metrics

DEPLOY = Path(__file__).parent.parent / "docs" / "deploy"
PROMTOOL = shutil.which("promtool")


def metrics() -> dict[str, str]:
    """Name, as a page has it, and type of each metric."""
    families = Metrics().registry.collect()
    return {each.name + ("_total" if each.type == "counter" else ""): each.type for each in families}


def test_the_table_of_metrics_is_complete() -> None:
    rows = re.findall(r"^\| `(ecg_stream_\w+)`[^|]* \| (\w+) \| (.+) \|$", (DEPLOY / "README.md").read_text(), re.M)
    assert {name: kind for name, kind, _ in rows} == metrics()
    assert {words for _, _, words in rows} == {each.documentation for each in Metrics().registry.collect()}


@pytest.mark.parametrize("file", ["alerts.yml", "alerts_test.yml", "grafana/ecg-stream.json"])
def test_rules_and_dashboard_ask_for_metrics_that_there_are(file: str) -> None:
    asked = set(re.findall(r"ecg_stream_\w+", (DEPLOY / file).read_text()))
    known = {*metrics(), *(f"{name}_bucket" for name, kind in metrics().items() if kind == "histogram")}
    assert asked
    assert asked <= known


def test_the_dashboard_shows_every_metric() -> None:
    text = (DEPLOY / "grafana" / "ecg-stream.json").read_text()
    panels = json.loads(text)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [name for name in metrics() if name not in text] == []


def commands() -> list[tuple[str, list[str]]]:
    """Each call of `ecg-stream` in compose.yaml and the unit."""
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    found = [
        (name, each["command"])
        for name, each in services.items()
        if each.get("image") == "ecg-stream" and "command" in each
    ]
    unit = (DEPLOY / "ecg-stream.service").read_text().replace("\\\n", " ")
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.M)
    return [*found, ("unit", shlex.split(start)[1:])]


@pytest.mark.parametrize(("where", "arguments"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_option_is_one(where: str, arguments: list[str]) -> None:
    name, *rest = arguments
    known = {option for parameter in load(name).params for option in (*parameter.opts, *parameter.secondary_opts)}
    options = [each.partition("=")[0] for each in rest if each.startswith("--")]
    assert options, where
    assert [option for option in options if option not in known] == []


def test_every_file_that_is_named_is_there() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    mounts = [volume.split(":")[0] for each in services.values() for volume in each.get("volumes", ())]
    copied = re.findall(r"docs/deploy/\S+\.sh", (DEPLOY / "Dockerfile").read_text())
    files = [DEPLOY / mount for mount in mounts if mount.startswith(".")] + [
        DEPLOY.parent.parent / each for each in copied
    ]
    assert len(files) > 6
    assert [str(file) for file in files if not file.is_file()] == []


def test_the_broker_has_what_the_hardened_one_has() -> None:
    def settings(file: Path) -> dict[str, str]:
        lines = (line.split("#")[0].split() for line in file.read_text().splitlines())
        return {words[0]: " ".join(words[1:]) for words in lines if words and words[0] != "log_type"}

    ours, hardened = settings(DEPLOY / "mosquitto.conf"), settings(DEPLOY.parent / "mosquitto" / "mosquitto.conf")
    places = {"password_file", "acl_file", "cafile", "certfile", "keyfile", "persistence_location"}
    assert ours.keys() == hardened.keys()
    assert [key for key in ours if ours[key] != hardened[key] and key not in places] == []


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool, which comes with Prometheus")
def test_prometheus_takes_configuration_and_rules() -> None:
    for arguments in (("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yml")):
        done = subprocess.run([str(PROMTOOL), *arguments], cwd=DEPLOY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
