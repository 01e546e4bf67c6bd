"""The machine: cores, memory, devices, and how torch uses them."""
