"""deploy/kubernetes as kubectl builds it, without a cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.project import BIN, ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())

Manifest = dict[str, Any]


def copy(to: Path, *, luigid: bool = False) -> Path:
    """A copy of deploy/kubernetes, and of what it takes from beside it, for a test to change.

    Args:
        to: a folder, in which `deploy` is made
        luigid: whether the overlays have the component
    """
    for part in ("kubernetes", "compose"):
        shutil.copytree(ROOT / "deploy" / part, to / "deploy" / part, ignore=shutil.ignore_patterns("secrets"))
    copied = to / "deploy" / "kubernetes"
    if luigid:
        for each in copied.glob("overlays/*/kustomization.yaml"):
            text, changed = re.subn(r"(?m)^# (components: )", r"\1", each.read_text())
            assert changed == 1
            each.write_text(text)
    return copied


def build(folder: Path) -> list[Manifest]:
    """What `kubectl apply -k FOLDER` sends."""
    done = subprocess.run([BIN / "kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The one of this kind, by the beginning of its name: what kustomize generates has a digest at the end."""
    [found] = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"].startswith(name)]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The specifications of all pods, with the names of what makes them."""
    for each in manifests:
        match each["kind"]:
            case "CronJob":
                yield each["metadata"]["name"], each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            case "Deployment":
                yield each["metadata"]["name"], each["spec"]["template"]["spec"]
