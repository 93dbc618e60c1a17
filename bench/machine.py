# SPDX-License-Identifier: AGPL-3.0-or-later
"""What processes cost: CPU and memory, as Linux tells it in /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """Seconds: of the first thread of each process, which runs the event loop, and of the other threads."""

    loop: float
    threads: float

    def __sub__(self, earlier: Cpu) -> Cpu:
        return Cpu(self.loop - earlier.loop, self.threads - earlier.threads)


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def cpu(pid: int) -> Cpu:
    """Of a process and all that descend from it, since they began."""
    loop = threads = 0.0
    for each in family(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            if task.name == str(each):
                loop += _seconds(task)
            else:
                threads += _seconds(task)
    return Cpu(loop, threads)


def _seconds(task: Path) -> float:
    # After the name in parentheses, which may hold anything: state is field 3, user time 14, system time 15.
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def largest_memory(pid: int) -> float:
    """Resident memory of the largest process of the family, in MB of 10**6 bytes."""
    return max(_resident(each) for each in family(pid))


def _resident(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


def processor() -> str:
    """What the figures were taken on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {names[0] if names else os.uname().machine}"
