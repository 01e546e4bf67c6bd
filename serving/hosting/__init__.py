"""Models that a process offers: found, opened when asked for, within one budget of memory."""
