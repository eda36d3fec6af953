"""deploy/kubernetes: valid for Kubernetes, narrow, and in agreement with the image, the settings and the exit codes.

What the containers do when they run, tests/image/test_pods.py shows.
"""

from __future__ import annotations

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from taxi_luigi.runs import signals
from tests.docs.documents import commands, luigi_flags, taxi_luigi_flags, text_of
from tests.support.kubernetes import FOLDER, OVERLAYS, Manifest, build, copy, named, pods
from tests.support.project import BIN, ROOT, environment

VERSIONS = ["1.29", kubernetes_validate.latest_version()]
"""backoffLimitPerIndex is switched on since 1.29"""
README = text_of(FOLDER / "README.md")


@pytest.fixture(scope="module", params=[(name, luigid) for name in OVERLAYS for luigid in (False, True)], ids=str)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    name, luigid = request.param
    return build(copy(tmp_path_factory.mktemp("deploy"), luigid=luigid) / "overlays" / name)


def job(manifests: list[Manifest], name: str) -> dict[str, Any]:
    spec: dict[str, Any] = named(manifests, "CronJob", name)["spec"]["jobTemplate"]["spec"]
    return spec


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return services


def action(rules: list[dict[str, Any]], code: int) -> str:
    """What the Job's controller does about a pod that ended with this code, without a disruption."""
    return next((rule["action"] for rule in rules if code in rule.get("onExitCodes", {}).get("values", ())), "Count")


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid(built: list[Manifest], version: str) -> None:
    assert len(built) >= 6
    for manifest in built:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validator_finds_a_wrong_field() -> None:
    backfill = named(build(FOLDER / "overlays" / OVERLAYS[0]), "CronJob", "backfill")
    backfill["spec"]["jobTemplate"]["spec"]["completion"] = 4
    with pytest.raises(kubernetes_validate.ValidationError, match="completion"):
        kubernetes_validate.validate(backfill, VERSIONS[-1], strict=True)


def test_every_file_is_part_of_what_is_built() -> None:
    used = {FOLDER / "README.md"}
    for each in FOLDER.rglob("kustomization.yaml"):
        kustomization = yaml.safe_load(each.read_text())
        parts = [*kustomization.get("resources", ()), *(patch.get("path", "") for patch in kustomization["patches"])]
        parts += [name for generator in kustomization.get("configMapGenerator", ()) for name in generator["files"]]
        used |= {each, *(each.parent / part for part in parts)}
    assert {path for path in FOLDER.rglob("*") if path.is_file()} - used == set()


def test_the_pods_are_as_narrow_as_the_restricted_standard_and_write_to_no_file_system_of_theirs(
    built: list[Manifest],
) -> None:
    found = list(pods(built))
    assert len(found) >= 3
    for name, pod in found:
        assert pod["securityContext"] == {
            "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name  # fmt: skip
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        assert pod["automountServiceAccountToken"] is False
        assert {"configMap", "secret", "emptyDir"} >= {key for volume in pod["volumes"] for key in volume} - {"name"}
        assert all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume)
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            for kind in ("requests", "limits"):
                assert container["resources"][kind].keys() == {"cpu", "memory", "ephemeral-storage"}
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_an_image_is_named_in_one_place(built: list[Manifest]) -> None:
    images = {container["image"] for _, pod in pods(built) for container in pod["containers"]}
    assert images - {compose()["proxy"]["image"]} == {"registry.example.com/taxi_luigi:0.1.0"}


def test_no_secret_is_in_it(built: list[Manifest]) -> None:
    assert "Secret" not in {manifest["kind"] for manifest in built}
    settings = ConfigParser(interpolation=None)
    settings.read_string(named(built, "ConfigMap", "taxi-luigi-")["data"]["luigi.cfg"])
    connections = [value for section in settings.values() for key, value in section.items() if key == "url"]
    assert [value for value in connections if not re.fullmatch(r"\$\{\w+\}", value)] == []


@pytest.mark.parametrize("name", OVERLAYS)
def test_its_settings_are_declared_and_can_be_read(name: str, tmp_path: Path) -> None:
    """By a run that does nothing, which reads all of them."""
    text = (FOLDER / "overlays" / name / "luigi.cfg").read_text()
    for layer, rc in ((text, 0), (text.replace("bucket =", "bucked ="), 40)):
        (tmp_path / "luigi.cfg").write_text(layer)
        env = dict.fromkeys(re.findall(r"\$\{(\w+)\}", layer), "postgresql://a@b/c")
        env |= {"LUIGI_CONFIG_PATH": str(tmp_path / "luigi.cfg"), "TAXI_LUIGI_HOME": str(tmp_path)}
        done = subprocess.run(
            [BIN / "luigi", "--module", "taxi_luigi", "Idle", "--local-scheduler"],
            cwd=tmp_path, env=environment(env), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == rc, done.stderr


def test_the_commands_exist(built: list[Manifest]) -> None:
    for name in ("nightly", "backfill"):
        [container] = job(built, name)["template"]["spec"]["containers"]
        luigi_flags(["--module", "taxi_luigi", *container["args"]])


def test_how_many_pods_share_a_back_fill_is_named_in_one_place(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    for name in OVERLAYS:
        kustomization = folder / "overlays" / name / "kustomization.yaml"
        text, changed = re.subn(r"(completions, value:) \d+", r"\1 7", kustomization.read_text())
        assert changed == 1
        kustomization.write_text(text)
        backfill = job(build(kustomization.parent), "backfill")
        [container] = backfill["template"]["spec"]["containers"]
        assert (backfill["completionMode"], backfill["completions"]) == ("Indexed", 7)
        assert {"name": "SHARDS", "value": "7"} in container["env"]
        assert container["args"][-2:] == ["--shard", "auto/$(SHARDS)"]


def test_without_an_overlay_a_back_fill_has_no_number_of_shares_that_could_be_wrong() -> None:
    [container] = job(build(FOLDER / "base"), "backfill")["template"]["spec"]["containers"]
    [shards] = [each["value"] for each in container["env"] if each["name"] == "SHARDS"]
    assert not re.search(r"\d", shards)


def test_what_fails_is_tried_again_by_what_its_exit_code_means(built: list[Manifest]) -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "config" / "luigi.cfg")
    codes = {name: int(code) for name, code in settings["retcode"].items()}
    ours = {*codes.values(), 2, 137, 143}
    for name in ("nightly", "backfill", "shell"):
        spec = job(built, name)
        rules = spec["podFailurePolicy"]["rules"]
        assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        values = [rule["onExitCodes"]["values"] for rule in rules[1:]]
        assert {code for each in values for code in each} <= ours
        assert all(each == sorted(each) for each in values), "Kubernetes takes them in order alone"
        assert {each: action(rules, code) for each, code in codes.items()} == {
            "already_running": "Count", "missing_data": "FailIndex", "not_run": "Count", "task_failed": "Count",
            "scheduling_error": "Count", "unhandled_exception": "FailJob",
        }  # fmt: skip
        assert [action(rules, code) for code in (2, 137, 143)] == ["FailJob", "Count", "Ignore"]
        assert spec["template"]["spec"]["restartPolicy"] == "Never", "the policy requires that"
        assert spec["completionMode"] == "Indexed", "FailIndex requires that"
        assert spec["backoffLimitPerIndex"] > 0
        assert spec["ttlSecondsAfterFinished"] > 0
    rows = re.findall(r"^\| ([\d, ]+) \| .+? \| (.*?) \|$", README, re.M)
    assert {int(code) for row, _ in rows for code in row.split(",")} == {0, *ours}


def test_a_pod_has_the_time_that_a_run_takes_to_end(built: list[Manifest]) -> None:
    for _, pod in pods(built):
        assert pod["terminationGracePeriodSeconds"] >= 2 * signals._LAST


def test_one_night_is_at_work_at_a_time(built: list[Manifest]) -> None:
    nightly = named(built, "CronJob", "nightly")["spec"]
    assert (nightly["concurrencyPolicy"], nightly["timeZone"]) == ("Forbid", "Etc/UTC")
    assert "suspend" not in nightly
    assert nightly["startingDeadlineSeconds"] + job(built, "nightly")["activeDeadlineSeconds"] < 24 * 3600
    assert {named(built, "CronJob", name)["spec"]["suspend"] for name in ("backfill", "shell")} == {True}


def test_luigid_is_that_of_compose(tmp_path: Path) -> None:
    manifests = build(copy(tmp_path, luigid=True) / "overlays" / OVERLAYS[0])
    service = named(manifests, "Service", "proxy")
    settings = ConfigParser(interpolation=None)
    settings.read(FOLDER / "luigid" / "luigi.cfg")
    there = f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert dict(settings["core"]) == {"local_scheduler": "false", "scheduler_url": there}
    composed = ConfigParser(interpolation=None)
    composed.read(ROOT / "deploy" / "compose" / "postgres.cfg")
    assert dict(composed["core"]) == dict(settings["core"]), "make-secrets writes a netrc for this address"
    luigid, proxy = dict(pods(manifests))["luigid"]["containers"]
    assert (luigid["args"], proxy["image"]) == (compose()["luigid"]["command"], compose()["proxy"]["image"])


def test_what_the_page_adds_to_an_overlay_is_valid(tmp_path: Path) -> None:
    kustomization = copy(tmp_path, luigid=True) / "overlays" / "s3-postgres" / "kustomization.yaml"
    overlay = yaml.safe_load(kustomization.read_text())
    for block in re.findall(r"```yaml\n(.*?)```", README, re.S):
        overlay["patches"] += yaml.safe_load(block)
    kustomization.write_text(yaml.safe_dump(overlay))
    manifests = build(kustomization.parent)
    for manifest in manifests:
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)
    account = named(manifests, "ServiceAccount", "taxi-luigi")
    assert account["imagePullSecrets"] == [{"name": "registry"}]
    assert "azure.workload.identity/client-id" in account["metadata"]["annotations"]
    for name in ("nightly", "backfill", "shell"):
        labels = job(manifests, name)["template"]["metadata"]["labels"]
        assert labels.items() >= {"azure.workload.identity/use": "true", "app.kubernetes.io/component": name}.items()


def test_the_page_names_what_there_is() -> None:
    lines = commands(README)
    folders = {line.split()[-1] for line in lines if re.match(r"kubectl (apply|delete) -k|kubectl kustomize", line)}
    assert folders == {f"deploy/kubernetes/overlays/{name}" for name in OVERLAYS}
    started = {line.rpartition("cronjob/")[2] for line in lines if line.startswith("kubectl create job")}
    assert started == {"nightly", "backfill", "shell"}
    inside = [line.partition(" -- ")[2].split() for line in lines if line.startswith("kubectl exec")]
    assert len(inside) == 3
    for command, *rest in inside:
        taxi_luigi_flags(rest) if command == "taxi-luigi" else luigi_flags(rest)
