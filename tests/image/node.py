"""Runs pods as a node of a cluster does, by docker or podman: from their specification, and with nothing besides.

What only a cluster has is not here: who may start what, on which node, and what the disk of an emptyDir may hold.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from tests.image.engine import Engine
from tests.support.kubernetes import Manifest, named


class Node:
    """In this machine's own network, where the servers of the tests are; Services have its address.

    Args:
        manifests: what has been applied: ConfigMaps
        secrets: of the cluster, by name
        folder: for the volumes
    """

    def __init__(
        self, engine: Engine, manifests: list[Manifest], secrets: Mapping[str, Mapping[str, str]], folder: Path
    ) -> None:
        self.engine = engine
        self.manifests = manifests
        self.secrets = secrets
        self.folder = folder
        self._started: list[str] = []

    def start(self, pod: Manifest, index: int | None = None) -> str:
        """Starts all containers of a pod, the index of its Job in their environment; the name of the first."""
        name = self.engine.fresh_name()
        volumes = {volume["name"]: self._volume(self.folder / name, volume, pod) for volume in pod["volumes"]}
        started = []
        for container in pod["containers"]:
            started.append(f"{name}-{container['name']}")
            self._started.append(started[-1])
            options = [*self._options(pod, container, name), "--name", started[-1]]
            for mount in container["volumeMounts"]:
                source = volumes[mount["name"]] / mount.get("subPath", "")
                options += ["--volume", f"{source}:{mount['mountPath']}:{'ro' if mount.get('readOnly') else 'rw'}"]
            env = self._environment(container) | ({} if index is None else {"JOB_COMPLETION_INDEX": str(index)})
            options += [word for variable in env.items() for word in ("--env", "=".join(variable))]
            words = [_expanded(word, env) for word in container.get("args", ())]
            self.engine.call("run", "--detach", *options, container["image"], *words)
        return started[0]

    def end(self, name: str) -> tuple[int, str]:
        """Waits for a container, and takes it away: its exit code, and what it wrote."""
        self._started.remove(name)
        return self.engine.end(name)

    def stop(self, pod: Manifest, name: str) -> tuple[int, str]:
        """Ends a container as kubectl delete does, and takes it away."""
        self.engine.call("stop", "--time", pod["terminationGracePeriodSeconds"], name)
        return self.end(name)

    def clear(self) -> None:
        """Ends and takes away whatever is there."""
        for name in self._started:
            self.engine.call("rm", "--force", "--time", "0", name, check=False)

    def _options(self, pod: Manifest, container: Manifest, name: str) -> list[str]:
        who, may, limits = pod["securityContext"], container["securityContext"], container["resources"]["limits"]
        services = [each["metadata"]["name"] for each in self.manifests if each["kind"] == "Service"]
        options = ["--network", "host", "--hostname", name, "--no-healthcheck"]
        options += [f"--add-host={service}:127.0.0.1" for service in services]
        options += ["--user", f"{who['runAsUser']}:{who['runAsGroup']}", "--group-add", str(who["fsGroup"])]
        options += [f"--cap-drop={each}" for each in may["capabilities"]["drop"]]
        options += ["--memory", limits["memory"].removesuffix("i").lower()]
        if may["readOnlyRootFilesystem"]:
            # podman would put folders of its own there, as /tmp
            options += ["--read-only", *(["--read-only-tmpfs=false"] if self.engine.program == "podman" else [])]
        if not may["allowPrivilegeEscalation"]:
            options += ["--security-opt", "no-new-privileges"]
        return options

    def _environment(self, container: Manifest) -> dict[str, str]:
        env: dict[str, str] = {}
        for each in container.get("envFrom", ()):
            assert each["secretRef"]["optional"]
            env |= self.secrets.get(each["secretRef"]["name"], {})
        return env | {each["name"]: each["value"] for each in container.get("env", ())}

    def _volume(self, folder: Path, volume: Manifest, pod: Manifest) -> Path:
        """A new folder with what is in the volume."""
        path = folder / volume["name"]
        path.mkdir(parents=True)
        match volume:
            case {"emptyDir": _}:
                path.chmod(0o777)
            case {"configMap": {"name": name}}:
                for key, text in named(self.manifests, "ConfigMap", name)["data"].items():
                    (path / key).write_text(text)
            case {"secret": {"secretName": name, "items": items, "defaultMode": mode}}:
                for item in items:
                    file = path / item["path"]
                    file.write_text(self.secrets[name][item["key"]])
                    file.chmod(mode)
                    os.chown(file, 0, pod["securityContext"]["fsGroup"])
        return path


def _expanded(word: str, env: Mapping[str, str]) -> str:
    """A word of `args`, with $(NAME) in it."""
    return re.sub(r"\$\((\w+)\)", lambda found: env[found[1]], word)
