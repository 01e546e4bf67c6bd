"""Where a step's time goes: `python -m benchmarks.profile_step [--method NAME] [--batch N] [--plain]` shows it.

Each operator counts with its own time, without what it calls, as torch's profiler sees it. Watching slows small
operators down, so read shares, not seconds.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable

import torch
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

from . import workloads

OWNERS = {  # of whatever runs inside them
    "optimizer": re.compile(r"Optimizer\."),
    "convolutions as products": re.compile(r"^_(Im2col|Col2im)"),
}
GROUPS = {  # the first pattern that fits an operator's name decides
    "Winograd's products": re.compile(r"^aten::bmm$"),
    "Winograd's transforms": re.compile(r"^_Winograd|^WinogradBackward"),
    "convolutions, backward": re.compile(r"conv\w*_backward"),
    "convolutions, forward": re.compile(r"conv"),
    "convolutions as products": re.compile(r"^aten::(mm|matmul)$|MmBackward"),
    "norms": re.compile(r"batch_norm|instance_norm|^_InstanceNorm"),
    "reflected borders": re.compile(r"reflection_pad|^_Reflected"),
    "casts and copies": re.compile(r"^aten::(copy_|_to_copy|to|clone|contiguous|cat|_cat|fill_|zero_|narrow|slice)$"),
}
REST = "the rest"


def group_of(event: FunctionEvent) -> str:
    """By the operator's owner where it has one, else by its name, else by that of what called it."""
    names = [event.name]
    while event.cpu_parent is not None:
        event = event.cpu_parent
        names.append(event.name)
    owner = next((group for name in names for group, pattern in OWNERS.items() if pattern.match(name)), None)
    kinds = (group for name in names for group, pattern in GROUPS.items() if pattern.search(name))
    return owner or next(kinds, REST)


def profiled(step: Callable[[], object], steps: int, cuda: bool) -> tuple[Counter[str], Counter[str]]:
    """Milliseconds a step by group, and those of the rest by operator; after two steps that are not counted."""
    for _ in range(2):
        step()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities, acc_events=True) as watched:
        for _ in range(steps):
            step()
    groups: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for event in watched.events() or []:
        microseconds = event.self_device_time_total if cuda else event.self_cpu_time_total
        if cuda and event.device_type != torch.autograd.DeviceType.CPU:
            continue  # a kernel, whose time its operator has too
        group = group_of(event)
        groups[group] += microseconds / 1000 / steps
        if group == REST:
            others[event.name] += microseconds / 1000 / steps
    return groups, others


def table(groups: Counter[str], others: Counter[str]) -> str:
    """Groups by their share, and the largest operators of the rest."""
    total = sum(groups.values())
    lines = [f"{'':<26}{'ms/step':>10}{'share':>8}"]
    lines += [f"{name:<26}{ms:>10.1f}{ms / total:>8.1%}" for name, ms in groups.most_common()]
    lines += [f"{'together':<26}{total:>10.1f}", "", "The largest of the rest:"]
    lines += [f"  {name:<24}{ms:>10.1f}{ms / total:>8.1%}" for name, ms in others.most_common(5)]
    return "\n".join(lines)


def main() -> None:
    """Profile our step, or the plain one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_step", description=__doc__)
    parser.add_argument("--method", choices=list(workloads.SETTINGS), default="pix2pix", help="which method (pix2pix)")
    parser.add_argument("--batch", type=int, default=1, metavar="N", help="pictures of each side a step (1)")
    parser.add_argument("--steps", type=int, default=3, metavar="N", help="steps that are counted (3)")
    parser.add_argument("--plain", action="store_true", help="the plain way instead of ours")
    parser.add_argument("--small", action="store_true", help="tiny networks: does it run?")
    asked = parser.parse_args()

    if asked.small:
        torch.set_num_threads(1)  # a test must not wait for a busy machine
    ours = workloads.ours(asked.method, asked.batch, asked.small)
    device = ours.placement.device
    pairs = workloads.pictures(asked.method, asked.batch, device)
    if asked.plain:
        plain = workloads.plain(asked.method, device, asked.small)
        print(f"The plain step of {asked.method}, batch {asked.batch}, fp32 on {device}.")
        found = profiled(lambda: plain.step(pairs["a"], pairs["b"]), asked.steps, device.type == "cuda")
    else:
        print(f"Our step of {asked.method}, batch {asked.batch}. {ours.placement.sentence}")
        found = profiled(lambda: ours.step(pairs), asked.steps, device.type == "cuda")
    print(table(*found))


if __name__ == "__main__":
    main()
