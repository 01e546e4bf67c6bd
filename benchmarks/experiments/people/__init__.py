"""What is proved of judgements by people, with simulated ones."""
