"""The page of `i2i learn` on a free loopback port."""

import contextlib
import socket
import threading

import uvicorn

from i2i.learn.web.server import create_learn


@contextlib.contextmanager
def served(visitors=100):
    """(its address, its sessions)."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_learn(["127.0.0.1"], visitors)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", app.state.sessions
    finally:
        server.should_exit = True
        thread.join(20)
        app.state.sessions.close()
        listening.close()
