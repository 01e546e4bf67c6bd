"""The server as an application of Ray Serve: `serve run i2i.serving.ray_serve:application models=runs/facades`."""

from .application import Options, application

__all__ = ["Options", "application"]
