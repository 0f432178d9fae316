"""Cards to change."""

from faceray.gallery.card import Contract, File, GalleryCard, ShardCard


def a_file(name: str, size: int = 10) -> File:
    return File(name=name, bytes=size, sha256="0" * 64)


def a_shard(name: str, faces: int, recall_at_1: float = 1.0) -> ShardCard:
    files = a_file(f"{name}.faiss"), a_file(f"{name}.parquet")
    return ShardCard(
        faces=faces, index=files[0], ids=files[1], recall_at_1=recall_at_1, recall_at_10=1.0, tested=faces
    )


def a_card(*shards: ShardCard, generation: str = "20261101T000000000Z") -> GalleryCard:
    settings = {"crops": [{"size": 112}], "precision": "fp32"}
    return GalleryCard(
        generation=generation,
        network=Contract(name="sface", sha256=("ab" * 32,), settings=settings, dimension=32),
        faces=sum(shard.faces for shard in shards),
        identities=0,
        index="Flat",
        shards=shards,
        shard_faces=100,
        trained=None,
        banned=None,
        target=0.99,
        seconds=1.5,
        built_at="2026-11-01T00:00:00+00:00",
        faceray="0.1.0",
        options={"output": "gallery"},
    )
