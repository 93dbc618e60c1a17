# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real server in a process of its own, as `notalone serve` starts it, on a free port of this machine."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parent.parent
DEMO_CALL = ROOT / "src" / "notalone" / "calls" / "metoo"


@dataclass(frozen=True)
class Server:
    url: str
    port: int
    data: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def run(self, *arguments: str | Path, status: int = 0) -> str:
        """A command of the same deployment; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "notalone", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def get_json(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:  # noqa: S310
            return json.load(answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int, **settings: object) -> dict[str, str]:
    """Of a deployment; settings as in services/settings.py, e.g. `tick=1`."""
    ours = {f"NOTALONE_{name.upper()}": str(value) for name, value in settings.items()}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("NOTALONE_")},
        "NOTALONE_DATA": str(data),
        "NOTALONE_PORT": str(port),
        "PYTHONWARNINGS": "error",
        **ours,
    }


@contextmanager
def server(data: Path, *bundles: Path, **settings: object) -> Iterator[Server]:
    """Serve these bundles; settings as in services/settings.py."""
    port = free_port()
    its_environment = environment(data, port, **settings)
    command = [sys.executable, "-m", "notalone"]
    for bundle in bundles:
        load: list[str | Path] = [*command, "call", "load", bundle]
        subprocess.run(load, env=its_environment, cwd=ROOT, check=True, capture_output=True)
    url = f"http://127.0.0.1:{port}"
    with serving([*command, "serve"], its_environment, url) as process:
        yield Server(url, port, data, its_environment, process)


@contextmanager
def serving(
    command: Sequence[str | Path], environment: Mapping[str, str], url: str, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that serves at `url`, until the block ends. `log`: where all goes that it prints."""
    with (log or Path(os.devnull)).open("wb") as output:
        errors = output if log else None
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=errors)
    try:
        wait_until_up(url, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


class Process(Protocol):
    """What `subprocess.Popen` is among others."""

    def poll(self) -> int | None:
        """None while it lives."""
        ...


# Who a server of ours is, its port says.
_ANY_CERTIFICATE = ssl.create_default_context()
_ANY_CERTIFICATE.check_hostname = False
_ANY_CERTIFICATE.verify_mode = ssl.CERT_NONE


def wait_until_up(url: str, process: Process, seconds: float = 30) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended before it was up"
        try:
            urllib.request.urlopen(url + "/healthz", timeout=5, context=_ANY_CERTIFICATE).close()  # noqa: S310
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the server did not come up")
