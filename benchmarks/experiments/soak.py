"""Five times the load of `benchmarks.experiments.server` for minutes: what is lost, and whether memory grows."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from .served import Asking, Served

CLIENTS = 5 * 8
"""Half of which wait for as long as they are told; the others ask again at once."""
EACH = 10.0
"""Seconds between two looks at the memory."""
WARM = 60.0
"""Seconds after which memory is said to be what it is."""


def soak(model: str, device: str, data: bytes, seconds: float) -> Iterator[tuple[str, str]]:
    """Rows of the table."""
    statuses, lost, lock = Counter[tuple[bool, int]](), list[str](), threading.Lock()
    with Served(model, device) as served, ThreadPoolExecutor(CLIENTS) as pool:
        end, held = time.monotonic() + seconds, list[int]()

        def ask(number: int) -> None:
            listens, client = number % 2 == 0, Asking(served.port, str(number))
            while time.monotonic() < end:
                try:
                    status, wait = client.ask(data)
                except OSError as error:
                    with lock:
                        lost.append(repr(error))
                    break
                with lock:
                    statuses[listens, status] += 1
                if listens and wait:
                    client.close()  # as the server does with idle connections
                    time.sleep(min(wait, max(0.0, end - time.monotonic())))
                    client = Asking(served.port, str(number))
            client.close()

        asking = [pool.submit(ask, number) for number in range(CLIENTS)]
        began, early = time.monotonic(), 0
        while any(not each.done() for each in asking):
            time.sleep(min(EACH, 0.5 + max(0.0, end - time.monotonic())))
            held.append(served.memory())
            early = held[-1] if time.monotonic() - began <= max(WARM, EACH) else early
        for each in asking:
            each.result()
    for listens, who in ((True, "do as Retry-After says"), (False, "ask again at once")):
        told = {status: count for (each, status), count in sorted(statuses.items()) if each == listens}
        yield f"{CLIENTS // 2} clients that {who}, {seconds / 60:g} minutes", f"answers {told}"
    others = sum(count for (_, status), count in statuses.items() if status not in (200, 429))
    yield "lost, of those that were let in", f"{others + len(lost)} {lost[:3] if lost else ''}".strip()
    yield (
        "memory after a minute, at most, at the end",
        f"{early / 1e6:.0f}, {max(held) / 1e6:.0f}, {held[-1] / 1e6:.0f} MB",
    )
