"""Folders of pictures into training samples."""
