"""The page at `/`: one HTML file, its styles and modules, and the routes that they ask. Nothing is written to disk."""

from .routes import mount_page

__all__ = ["mount_page"]
