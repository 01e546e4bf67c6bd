"""Label maps and buildings."""
