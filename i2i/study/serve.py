"""Runs the page of a study until a signal stops it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from ..serving.web.doors import LOOPBACK
from ..serving.web.launch import bind, is_loopback
from .app import create_study
from .design import read_design


def serve_study(folder: Path, host: str, port: int, say: Callable[[str], object]) -> None:
    """Serve the study in `folder` until Ctrl-C or SIGTERM; port 0 takes a free one.

    Raises RequestError when the port is taken or no study is there.
    """
    design = read_design(folder)
    hosts = [*LOOPBACK, f"[{host}]" if _is_v6(host) else host] if is_loopback(host) else None
    with contextlib.closing(bind(host, port)) as listening:
        app = create_study(folder, hosts)
        named = socket.gethostname() if host in ("0.0.0.0", "::") else host  # which are no addresses to go to
        shown = f"[{named}]" if _is_v6(named) else named
        base = f"http://{shown}:{listening.getsockname()[1]}"
        say(f"For raters: {base}/")
        say(f"Results:    {base}/results/{design.key}")
        if hosts is None:
            say(f"Note: {host} is reachable from other machines; whoever reaches it may take part.")
        say("Ctrl-C ends it; every vote is kept, and the same command goes on.")
        config = uvicorn.Config(app, log_level="error", server_header=False, ws="none", timeout_graceful_shutdown=3)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            app.state.votes.close()


def _is_v6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
