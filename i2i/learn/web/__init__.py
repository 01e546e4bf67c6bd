"""The page of `i2i learn`: its visitors, the worker that trains for them, what they can ask for, and the routes."""
