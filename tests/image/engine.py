"""Docker or podman, and Docker Compose over either, as a person calls them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.project import BIN, ROOT, Run

_numbers = itertools.count(1)


class Engine:
    """Runs containers of one image, without a network unless `options` name one."""

    def __init__(self, program: str, image: str) -> None:
        self.program = program
        self.image = image

    def fresh_name(self) -> str:
        """A name that nothing here has."""
        return f"taxi-test-{os.getpid()}-{next(_numbers)}"

    def call(self, *words: object, check: bool = True, env: Mapping[str, str] | None = None) -> Run:
        """One command of the engine's, to its end."""
        return _run([self.program, *map(str, words)], check, env)

    def run(self, *words: object, options: tuple[object, ...] = (), check: bool = True) -> Run:
        """A container to its end."""
        return self.call("run", "--rm", "--network", "none", *options, self.image, *words, check=check)

    def start(self, *words: object, options: tuple[object, ...] = ()) -> str:
        """A container that goes on; its name."""
        name = self.fresh_name()
        self.call("run", "--detach", "--name", name, "--network", "none", *options, self.image, *words)
        return name

    def end(self, name: str) -> tuple[int, str]:
        """Waits for a container, and takes it away: its exit code, and what it wrote."""
        code = int(self.call("wait", name).out)
        wrote = self.call("logs", name).out
        self.call("rm", "--force", name)
        return code, wrote

    def inspect(self) -> dict[str, Any]:
        """What the engine knows of the image."""
        found: list[dict[str, Any]] = json.loads(self.call("image", "inspect", self.image).out)
        return found[0]


class Compose:
    """compose.yaml in a copy of what it names, up for as long as a `with` block, passwords made for it.

    One layer lies over the committed ones: made-up months, in data/sample of the volume, as the source.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.project = engine.fresh_name()
        self.port = _free_port()
        self._health = threading.Event()
        for part in ("compose.yaml", "deploy"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        shutil.rmtree(folder / "deploy/compose/secrets")
        (folder / "deploy/compose/secrets").mkdir()
        _run([str(folder / "deploy/compose/make-secrets")], True, None)
        (folder / "override.json").write_text(json.dumps(self._override()))

    def secret(self, name: str) -> str:
        """What deploy/compose/make-secrets put into a file."""
        return (self.folder / "deploy/compose/secrets" / name).read_text().strip()

    def _override(self) -> dict[str, Any]:
        sample = "data/sample/{color}_tripdata_{year}-{month:02}.parquet"
        taxi = f"[taxi]\nsource = {sample}\nzones = data/sample/taxi_zone_lookup.csv\n"
        mounts = []
        for layer in ("postgres.cfg", "gcs.cfg"):
            text = (self.folder / "deploy/compose" / layer).read_text()
            (self.folder / layer).write_text(text.replace("[taxi]\n", taxi))
            mounts.append(f"./{layer}:/app/deploy/compose/{layer}:ro")
        return {"services": {name: {"volumes": mounts} for name in ("worker", "nightly")}}

    def call(self, *words: object, check: bool = True, **variables: str) -> Run:
        """`docker compose WORDS`, with variables for compose.yaml."""
        program = BIN / "docker-compose"
        command = [str(program)] if program.exists() else ["docker", "compose"]
        files = ("--project-directory", self.folder, "-f", self.folder / "compose.yaml")
        files = (*files, "-f", self.folder / "override.json", "--profile", "gcs", "--progress", "quiet")
        env = {"COMPOSE_PROJECT_NAME": self.project, "TAXI_PORT": str(self.port), **variables}
        return _run([*command, *map(str, files), *map(str, words)], check, env)

    def run(self, *words: object, service: str = "worker", check: bool = True, **variables: str) -> Run:
        """`docker compose run --rm SERVICE WORDS`, beside what is up. Over podman 4.3, the exit code is always 0."""
        return self.call("run", "--rm", "-T", "--no-deps", service, *words, check=check, **variables)

    def __enter__(self) -> Self:
        if self.engine.program == "podman":
            threading.Thread(target=self._look_after_health, daemon=True).start()
        self.call("up", "--detach", "--no-build")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.call("logs", check=False).out)
        self._health.set()
        self.call("down", "--volumes", "--timeout", "5", check=False)

    def _look_after_health(self) -> None:
        """What systemd's timers do for podman, on machines that have no systemd."""
        while not self._health.wait(0.5):
            names = self.engine.call(
                "ps", "--filter", f"name={self.project}", "--format", "{{.Names}}", check=False
            ).out
            for name in names.split():
                self.engine.call("healthcheck", "run", name, check=False)


def wait_for(what: str, *, seconds: float = 30) -> Any:
    """A decorator's shape of patience: calls the function until it returns something true, and returns that."""

    def waiting(ask: Any) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := ask()):
            assert time.monotonic() < deadline, f"{what}: not after {seconds} s"
            time.sleep(0.1)
        return found

    return waiting


def _run(command: list[str], check: bool, env: Mapping[str, str] | None) -> Run:
    done = subprocess.run(
        command, cwd="/", env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=240,
    )  # fmt: skip
    # Podman without systemd says with each container that it cannot time its health checks.
    out = "".join(line for line in done.stdout.splitlines(True) if "unable to get systemd connection" not in line)
    assert not check or done.returncode == 0, f"{command}: exit code {done.returncode}\n{out}"
    return Run(done.returncode, out)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
