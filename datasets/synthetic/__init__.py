"""`i2i data sample`: pictures made by program."""
