"""Pictures: found, decoded into arrays, encoded into files. No torch; training, conversion and the server share it."""
