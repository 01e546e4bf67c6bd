"""What a file says beside its pixels: EXIF, resolution, rights."""
