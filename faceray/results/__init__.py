"""What a run leaves behind."""

from faceray.results.readers import embeddings, read_faces, read_images

__all__ = ["embeddings", "read_faces", "read_images"]
