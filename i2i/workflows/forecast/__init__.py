"""What a run will take, told before it: a probe in a process of its own, and what follows from its figures."""
