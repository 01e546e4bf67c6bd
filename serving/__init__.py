"""Runs exported translators; never imports torch."""
