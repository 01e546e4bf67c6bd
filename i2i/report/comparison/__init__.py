"""Several runs beside each other: a table for the terminal and one static page (docs/evaluation/compare.md)."""
