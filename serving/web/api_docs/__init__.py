"""The API as people and machines read it."""
