"""Many pictures at once: sent together, translated when there is time, fetched as one zip. They survive a restart."""
