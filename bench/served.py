# SPDX-License-Identifier: AGPL-3.0-or-later
"""One worker as `notalone serve` runs it, but over TLS, or with a sampler inside, or the bare door.

    python -m bench.served app|bare PORT [--tls KEY CERTIFICATE] [--report FILE]

The report is written when the server is told to end: handshakes, and samples of where its CPU time went.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
from pathlib import Path

import uvicorn

from bench.sampler import Sampler
from notalone.web.connection import Connection

APPS = {"app": ("notalone.web.app:create_app", True), "bare": ("bench.bare:app", False)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("app", choices=APPS)
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", nargs=2, metavar=("KEY", "CERTIFICATE"))
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    name, factory = APPS[chosen.app]
    config = uvicorn.Config(
        name,
        factory=factory,
        port=chosen.port,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on" if chosen.app == "app" else "off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        ssl_keyfile=chosen.tls[0] if chosen.tls else None,
        ssl_certfile=chosen.tls[1] if chosen.tls else None,
    )
    config.load()
    if config.ssl is not None:
        # Every visit is a stranger's: none may take up an earlier session.
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
        config.ssl.options |= ssl.OP_NO_TICKET
        config.ssl.num_tickets = 0
    sampler = Sampler() if chosen.report and not chosen.tls else None
    if sampler is not None:
        sampler.start()
    # uvicorn hands the signal on to us when it has ended; the report is still to be written.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve())
    if sampler is not None:
        sampler.stop()
    if chosen.report:
        handshakes = config.ssl.session_stats() if config.ssl is not None else {}
        chosen.report.write_text(json.dumps({"tls": handshakes, "samples": sampler.samples if sampler else {}}))


if __name__ == "__main__":
    main()
