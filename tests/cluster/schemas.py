"""Validation against the real schemas of KubeRay's resources, more strictly than an API server does it."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

CLUSTER = Path(__file__).parent.parent.parent / "cluster"
FILES = {"RayCluster": "rayclusters.yaml", "RayJob": "rayjobs.yaml", "RayCronJob": "raycronjobs.yaml"}


def documents(name: str) -> list[dict[str, Any]]:
    """All documents of a file in cluster/."""
    return list(yaml.safe_load_all((CLUSTER / name).read_text()))


@cache
def validator(data: Path, kind: str) -> Draft202012Validator:
    """Of version v1 of a kind; a field that the schema does not know is an error."""
    definition = yaml.load((data / "kuberay" / FILES[kind]).read_text(), yaml.CSafeLoader)
    (version,) = (v for v in definition["spec"]["versions"] if v["name"] == "v1")
    schema = _strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return Draft202012Validator(schema)


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(entry) for name, entry in schema.items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_ended:
        strict["additionalProperties"] = False
    return strict


def misspelt(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The document with one field's name wrong, for every field of its spec whose name is not free."""
    found = []
    for path in _paths(document["spec"], ()):
        wrong = copy.deepcopy(document)
        parent = wrong["spec"]
        for key in path[:-1]:
            parent = parent[key]
        parent[f"{path[-1]}x"] = parent.pop(path[-1])
        found.append((".".join(map(str, path)), wrong))
    return found


FREE = {"labels", "annotations", "nodeSelector", "rayStartParams", "requests", "limits"}


def _paths(value: Any, above: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    if isinstance(value, list):
        return [path for i, entry in enumerate(value) for path in _paths(entry, (*above, i))]
    if not isinstance(value, dict) or (above and above[-1] in FREE):
        return []
    return [path for key, entry in value.items() for path in [(*above, key), *_paths(entry, (*above, key))]]
