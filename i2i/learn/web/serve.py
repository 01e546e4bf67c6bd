"""Runs the page until a signal stops it."""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from collections.abc import Callable

import torch
import uvicorn

from ...serving.web.doors import LOOPBACK
from ...serving.web.launch import bind, is_loopback
from .server import create_learn


def serve_learn(host: str, port: int, say: Callable[[str], object], *, visitors: int, opens: bool = True) -> None:
    """Serve the page until Ctrl-C or SIGTERM; port 0 takes a free one; `visitors` train at a time; `opens` shows it in
    the browser.

    Raises RequestError when the port is taken.
    """
    torch.set_num_threads(1)  # the networks are small, and several processors only wait for each other
    inside = f"[{host}]" if ":" in host else host
    hosts = [*LOOPBACK, inside] if is_loopback(host) else None
    with contextlib.closing(bind(host, port)) as listening:
        app = create_learn(hosts, visitors)
        named = socket.gethostname() if host in ("0.0.0.0", "::") else inside  # which are no addresses to go to
        address = f"http://{named}:{listening.getsockname()[1]}/"
        say(f"Small GANs train at {address}")
        if hosts is None:
            say(f"Note: {host} is reachable from other machines; whoever reaches it may train here.")
        say("Ctrl-C ends it; nothing is kept.")
        if opens:
            threading.Timer(0.5, webbrowser.open, (address,)).start()
        config = uvicorn.Config(app, log_level="error", server_header=False, ws="none", timeout_graceful_shutdown=3)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            app.state.sessions.close()
