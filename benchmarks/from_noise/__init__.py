"""What the small systems from noise reach in an hour of two cores: one table, made by one command."""
