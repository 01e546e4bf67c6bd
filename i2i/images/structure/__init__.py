"""What stands in a picture's file beside its pixels, counted before a decoder sees it: headers can ask for any work."""
