"""Label, match and learn faces in image corpora of any size, on Ray."""

__version__ = "0.1.0"
