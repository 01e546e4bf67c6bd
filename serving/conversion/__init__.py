"""Folders of pictures into folders of translations."""
