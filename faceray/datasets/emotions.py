"""Emotions: the orders in which the sets number them, and their names, in the schema's words."""

from faceray.results.schema import EMOTIONS

# FER2013, SFEW and ExpW number alike. FER+ counts votes in the schema's order, which is another one.
FER2013_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
CK_PLUS_ORDER = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")

_SYNONYMS = {"angry": "anger", "happy": "happiness", "sad": "sadness", "surprised": "surprise"}


def emotion_named(name: str) -> str | None:
    """The schema's word for a folder's name, whatever its case; None where it names no emotion."""
    word = _SYNONYMS.get(name.lower(), name.lower())
    return word if word in EMOTIONS else None


def emotion_numbered(order: tuple[str, ...], code: str) -> str | None:
    """The emotion with this number in the set's order; None where it has no such number."""
    return order[int(code)] if code.isdecimal() and int(code) < len(order) else None
