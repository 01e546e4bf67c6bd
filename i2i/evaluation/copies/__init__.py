"""Does a model copy its training pictures? Outputs are searched for in them, mirrored, recoloured or cropped."""
