"""Conversion from and to object stores and other file systems of fsspec's, by their URLs."""
