"""Threads and memory are those that the process may really have: by affinity, quotas and limits, at every level."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from i2i.hardware.system import available_memory, available_threads

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
GB = 2**30

UNIFIED = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
FIRST = (
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
PART = "30 25 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
"""A container that sees its own part of the tree, but is told its whole path."""


@pytest.fixture
def machine(tmp_path):
    """`machine(files)`: the root of a tree of these files, with 8 GB free and a process of 1 GB."""

    def made(files):
        usual = {
            "proc/meminfo": "MemTotal: 16777216 kB\nMemFree: 100 kB\nMemAvailable: 8388608 kB\n",
            "proc/self/statm": "262144 10 10 1 0 262144 0\n",
        }
        for name, text in {**usual, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        return tmp_path

    return made


QUOTAS = {
    "on the process's own group": {"proc/self/cgroup": "0::/queue/job", "sys/fs/cgroup/queue/job/cpu.max": "50000 100000"},
    "on one above it": {
        "proc/self/cgroup": "0::/queue/job",
        "sys/fs/cgroup/queue/cpu.max": "100000 100000",
        "sys/fs/cgroup/queue/job/cpu.max": "max 100000",
    },
    "on the root alone": {"sys/fs/cgroup/cpu.max": "70000 100000"},
    "the least of several": {
        "proc/self/cgroup": "0::/queue/job",
        "sys/fs/cgroup/queue/cpu.max": "100000 100000",
        "sys/fs/cgroup/queue/job/cpu.max": "9900000 100000",
    },
    "seen from a container": {"proc/self/mountinfo": PART, "proc/self/cgroup": "0::/docker/abc", "sys/fs/cgroup/cpu.max": "1 2"},
    "of a container in it": {
        "proc/self/mountinfo": PART,
        "proc/self/cgroup": "0::/docker/abc/job",
        "sys/fs/cgroup/job/cpu.max": "1 2",
    },
    "of version 1": {
        "proc/self/mountinfo": FIRST,
        "proc/self/cgroup": "5:memory:/other\n4:cpu,cpuacct:/queue/job",
        "sys/fs/cgroup/cpu,cpuacct/queue/job/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu,cpuacct/queue/job/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
    },
    "of version 1 where nothing says where": {
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    },
}  # fmt: skip


@pytest.mark.parametrize("where", QUOTAS)
def test_a_quota_is_heeded(where, machine):
    assert available_threads(machine(QUOTAS[where])) == 1


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"sys/fs/cgroup/cpu.max": "max 100000"},
        {"proc/self/cgroup": "0::/queue/job", "sys/fs/cgroup/other/cpu.max": "50000 100000"},
        {"proc/self/cgroup": "no sense", "sys/fs/cgroup/cpu.max": "neither"},
        {"proc/self/cgroup": "0::/../outside", "proc/self/mountinfo": UNIFIED},
        {"proc/self/mountinfo": FIRST, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1"},
    ],
)
def test_without_a_quota_threads_are_those_of_the_affinity(files, machine):
    assert available_threads(machine(files)) == CORES


def test_a_quota_of_more_than_a_processor_is_rounded_up(machine, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert available_threads(machine({"sys/fs/cgroup/cpu.max": "250000 100000"})) == 3


def second(limit, used, of_files, job=""):
    there = f"sys/fs/cgroup{job}"
    return {
        f"{there}/memory.max": limit,
        f"{there}/memory.current": used,
        f"{there}/memory.stat": f"anon 1\ninactive_file {of_files}\nactive_file 5",
    }


MEMORY = {
    "of the machine": ({}, 8 * GB),
    "no limit": (second("max", GB, 0), 8 * GB),
    "of its group, where what it holds of files is free": (second(3 * GB, 2 * GB, GB // 2), GB + GB // 2),
    "of a group above": ({"proc/self/cgroup": "0::/queue/job", **second(3 * GB, 2 * GB, 0, "/queue")}, GB),
    "the least of several": (
        {
            "proc/self/cgroup": "0::/queue/job",
            **second(4 * GB, 3 * GB, 0, "/queue"),
            **second(3 * GB, GB, 0, "/queue/job"),
        },
        GB,
    ),
    "where it is slowed down": ({**second(6 * GB, GB, 0), "sys/fs/cgroup/memory.high": 2 * GB}, GB),
    "over its limit": (second(GB, 2 * GB, 0), 0),
    "of version 1": (
        {
            "proc/self/mountinfo": FIRST,
            "proc/self/cgroup": "5:memory:/job",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712,
            "sys/fs/cgroup/memory/memory.usage_in_bytes": 1,
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": 3 * GB,
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": 2 * GB,
            "sys/fs/cgroup/memory/job/memory.stat": f"inactive_file 7\ntotal_inactive_file {GB // 4}",
        },
        GB + GB // 4,
    ),
}


@pytest.mark.parametrize("what", MEMORY)
def test_free_memory_is_the_least_that_any_limit_leaves(what, machine):
    files, wanted = MEMORY[what]
    assert available_memory(machine(files)) == wanted


@pytest.mark.skipif(sys.platform != "linux", reason="its limits on data and addresses are asked")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_the_limits_of_the_process_itself_count(limit):
    code = (
        "import resource; from i2i.hardware.system import available_memory\n"
        f"resource.setrlimit(resource.{limit}, (2**30, 2**30)); before = available_memory()\n"
        "held = bytearray(2**28); print(before, available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    before, after = map(int, done.stdout.split())
    assert 0.5 * GB < before < GB
    assert before - after == pytest.approx(2**28, rel=0.05)


def test_a_system_that_does_not_say_gives_no_figure(tmp_path):
    assert available_memory(tmp_path) is None
