# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real server in a process of its own, as `notalone serve` starts it, on a free port of this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@contextmanager
def server(data: Path, *bundles: Path, **settings: object) -> Iterator[Server]:
    """Serve these bundles; settings as in services/settings.py, e.g. `tick=1`."""
    port = free_port()
    ours = {f"NOTALONE_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NOTALONE_")},
        "NOTALONE_DATA": str(data),
        "NOTALONE_PORT": str(port),
        "PYTHONWARNINGS": "error",
        **ours,
    }
    command = [sys.executable, "-m", "notalone"]
    for bundle in bundles:
        subprocess.run([*command, "call", "load", bundle], env=environment, cwd=ROOT, check=True, capture_output=True)
    process = subprocess.Popen([*command, "serve"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process)
        yield Server(f"http://127.0.0.1:{port}", port, data, environment, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def wait_until_up(url: str, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended before it was up"
        try:
            urllib.request.urlopen(url + "/healthz", timeout=2).close()  # noqa: S310
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server did not come up")
