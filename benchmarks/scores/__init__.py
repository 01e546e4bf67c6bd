"""How true the scores are: coverage of intervals, and what the search for copies finds."""
