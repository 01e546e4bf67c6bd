"""i2i turns folders of pictures into image-to-image translators, and translators into things people use."""

__version__ = "0.1.0"
