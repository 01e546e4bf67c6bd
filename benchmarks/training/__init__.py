"""Speed of training: shares of what can be multiplied, and whether it costs quality."""
