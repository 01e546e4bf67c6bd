"""What the networks from noise share: attention, norms by class, equalised layers, filters."""
