"""What `docs/fleet.md` and `docs/kuberay` tell to type is understood as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ecg_stream.cli.app import load

DOCS = Path(__file__).parents[2] / "docs"


def understood(words: list[str]) -> tuple[str, dict]:
    """Parse a command line as the command would; give the command and its options."""
    assert words[0] == "ecg-stream"
    group = load(words[1])
    context = group.make_context(words[1], words[2:])
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    return name, command.make_context(name, rest, parent=context).params


def test_the_commands_of_the_page() -> None:
    lines = re.findall(r"^    (ecg-stream .*)$", (DOCS / "fleet.md").read_text(), flags=re.MULTILINE)
    names = [understood(shlex.split(line, comments=True))[0] for line in lines]
    assert {"run", "status", "scale", "beat", "detector", "fleet"} <= set(names)


def test_the_manifest() -> None:
    yaml = pytest.importorskip("yaml")
    cluster_module = pytest.importorskip("ecg_stream.fleet.cluster")
    cluster, deployment = yaml.safe_load_all((DOCS / "kuberay" / "ward.yaml").read_text())
    assert (cluster["kind"], deployment["kind"]) == ("RayCluster", "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    name, options = understood(container["command"] + container["args"])
    assert (name, options["shards"], options["address"]) == ("run", 8, "ray://ward-head-svc:10001")
    (group,) = cluster["spec"]["workerGroupSpecs"]
    (worker,) = group["template"]["spec"]["containers"]
    processors = int(worker["resources"]["limits"]["cpu"])
    assert (group["replicas"] - 1) * processors >= options["shards"], "no room for the shards of a lost node"
    token = {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN"}
    assert {each["name"] for each in worker["env"]} == {f"RAY_{name}" for name in cluster_module.HEALTH} | token
    (head,) = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"]
    assert head["env"] == worker["env"]
    same = [each for each in container["env"] if each["name"] in token]
    assert same == [each for each in worker["env"] if each["name"] in token], "the command is to come in"
    mounts = {mount["mountPath"] for mount in worker["volumeMounts"]}
    for option in ("ca", "password_file"):
        assert str(options[option].parent) in mounts, "every node needs the file"
