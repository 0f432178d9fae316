"""The commands: `faceray annotate …`. Each reads its options, does the work, and prints what there is to say."""

from tabulate import tabulate

from faceray.cli import Command, parse


def annotate(arguments: list[str]) -> None:
    """label every face of a corpus"""
    from faceray.annotate import annotate as run
    from faceray.options import AnnotateOptions

    options = parse(AnnotateOptions, arguments, "annotate")
    if options.dry_run:
        from faceray.estimate import estimate

        print(estimate(options))
        return
    from faceray.results.summary_text import summary_text

    print(summary_text(run(options), options.output))


def status(arguments: list[str]) -> int:
    """say how a run of annotate goes, or went"""
    import json

    from faceray.status import StatusOptions, status_text
    from faceray.status import status as run

    options = parse(StatusOptions, _named("output", arguments), "status")
    found = run(options)
    print(json.dumps(found.record()) if options.json else status_text(found))
    return found.exit_code


def maintain(arguments: list[str]) -> None:
    """compact and vacuum the tables; forget pictures"""
    from faceray.maintain import maintain as run
    from faceray.maintain import upkeep_text
    from faceray.maintain_options import MaintainOptions

    print(upkeep_text(run(parse(MaintainOptions, arguments, "maintain"))))


def gallery(arguments: list[str]) -> None:
    """build a gallery of faces to search, or add to one"""
    from faceray.build_gallery import build_gallery, estimate_gallery
    from faceray.gallery_options import GalleryOptions

    options = parse(GalleryOptions, arguments, "gallery")
    if options.dry_run:
        print(estimate_gallery(options))
        return
    card = build_gallery(options)
    rows = [
        ("generation", card.generation),
        ("faces", f"{card.faces:,}"),
        ("identities", f"{card.identities:,}"),
        ("index", card.index),
        ("shards", len(card.shards)),
        ("recall@1 of a sample", f"{card.recall_at_1:.4f}"),
        ("gallery", options.output),
    ]
    print(tabulate(rows, tablefmt="plain", disable_numparse=True))


def match(arguments: list[str]) -> None:
    """search for faces in a gallery"""
    from faceray.match import match as run
    from faceray.match_options import MatchOptions

    options = parse(MatchOptions, arguments, "match")
    manifest = run(options)
    rows = [
        *manifest["counts"].items(),
        ("threshold", "none" if manifest["threshold"] is None else f"{manifest['threshold']:.4f}"),
        ("report", f"{options.output}/report.html"),
    ]
    print(tabulate([(name.replace("_", " "), value) for name, value in rows], tablefmt="plain"))
    if manifest["remark"]:
        print(manifest["remark"])


def cluster(arguments: list[str]) -> None:
    """find the people of a corpus, without names or with"""
    from faceray.cluster_faces import cluster_faces
    from faceray.cluster_options import ClusterOptions

    options = parse(ClusterOptions, arguments, "cluster")
    summary = cluster_faces(options)
    counted = [(name, count) for name, count in summary["counts"].items() if count is not None]
    rows = [*counted, ("report", f"{options.output}/report.html")]
    print(tabulate([(name.replace("_", " "), value) for name, value in rows], tablefmt="plain"))


def extract(arguments: list[str]) -> None:
    """write embeddings as files for other programs"""
    from faceray.extract import ExtractOptions
    from faceray.extract import extract as run

    options = parse(ExtractOptions, arguments, "extract")
    print(f"{run(options):,} embeddings in {options.output}")


def prepare(arguments: list[str]) -> None:
    """make a labelled set ready for training"""
    from faceray.datasets.readers import DATASETS
    from faceray.prepare import prepare as run
    from faceray.prepare_options import PrepareOptions

    if "--list" in arguments:
        print(tabulate([(name, entry.licence) for name, entry in DATASETS.items()], headers=("data set", "licence")))
        return
    card = run(parse(PrepareOptions, arguments, "prepare"))
    rows = [("samples", card.samples), *card.parts.items(), *((f"dropped: {k}", n) for k, n in card.dropped.items())]
    print(tabulate(rows, tablefmt="plain"))


def train(arguments: list[str]) -> None:
    """train a network by a recipe"""
    from faceray.train import closing, listing
    from faceray.train import train as run
    from faceray.train_options import TrainOptions

    if "--list" in arguments:
        print(listing())
        return
    print(closing(run(parse(TrainOptions, arguments, "train"))))


def predict(arguments: list[str]) -> None:
    """answers of trained networks for pictures"""
    from faceray.predict import predict as run
    from faceray.predict_options import PredictOptions

    done = run(parse(PredictOptions, arguments, "predict"))
    rows = [("pictures", done.images), ("faces", done.faces), ("failed", done.failed), ("answers", done.file)]
    print(tabulate(rows, tablefmt="plain"))


def export_pack(arguments: list[str]) -> None:
    """a pack in the formats that others read"""
    from faceray.export_pack import ExportPackOptions
    from faceray.export_pack import export_pack as run

    done = run(parse(ExportPackOptions, arguments, "export-pack"))
    rows = [(part, *counts.items()) for part, counts in done.items()]
    print(
        tabulate([(part, ", ".join(f"{n} {what}" for what, n in counts)) for part, *counts in rows], tablefmt="plain")
    )


def export(arguments: list[str]) -> None:
    """a trained network as ONNX or TFLite"""
    from faceray.export import export as run
    from faceray.export_options import ExportOptions

    done = run(parse(ExportOptions, arguments, "export"))
    print(f"{done.file}: {done.bytes / 1e6:.2f} MB; compared with the checkpoint on {done.faces} faces")
    print(tabulate([vars(parity) for parity in done.parity], headers="keys"))


def show(arguments: list[str]) -> None:
    """print and draw the faces of one picture"""
    from faceray.results.draw import faces_table
    from faceray.show import ShowOptions
    from faceray.show import show as run

    faces, drawn = run(parse(ShowOptions, _named("photo", arguments), "show"))
    print(faces_table(faces) if faces else "no face found")
    print(f"drawn in {drawn}")


def _named(option: str, arguments: list[str]) -> list[str]:
    """`faceray show PHOTO` as `faceray show --photo PHOTO`."""
    return [f"--{option}", *arguments] if arguments and not arguments[0].startswith("-") else arguments


COMMANDS: dict[str, Command] = {
    "annotate": annotate,
    "status": status,
    "maintain": maintain,
    "gallery": gallery,
    "match": match,
    "cluster": cluster,
    "extract": extract,
    "prepare": prepare,
    "train": train,
    "predict": predict,
    "export": export,
    "export-pack": export_pack,
    "show": show,
}
