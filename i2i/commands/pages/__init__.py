"""Commands that open a page of their own."""
