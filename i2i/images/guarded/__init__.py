"""Decoding in processes that may be killed: what strangers send can take no more than its time and its memory."""
