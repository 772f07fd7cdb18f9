"""Why captions of the drawn world are wrong: its scenes are known."""

from collections.abc import Mapping

from captioning.datasets.drawn.truth import check_caption, read_scenes
from captioning.datasets.splits import Split
from captioning.scoring.words import Words
from captioning.settings import Settings

# The reason for each sort of false claim, the gravest first. Others are invented details.
REASON_OF = {"thing": "wrong object", "colour": "wrong colour", "count": "wrong count", "place": "wrong place",
             "backdrop": "wrong place", "relation": "wrong place"}


def reasons_by_scene(settings: Settings, split: Split, captions: Mapping[str, Words]) -> dict[str, str] | None:
    """Compares captions with the scenes that were drawn.

    Args:
        settings: of the run.
        split: the captions' photos.
        captions: photo name -> words.

    Returns:
        photo name -> why its caption is wrong, a key of REASONS; "" if all that it says is true. None for photos that
        were not drawn.
    """
    if settings.dataset != "drawn":
        return None
    scenes = read_scenes(settings.data_dir, split.name)
    return {name: _reason(check_caption(" ".join(captions[name]), scenes[image_id]))
            for name, image_id in zip(split.names, split.image_ids) if name in captions}


def _reason(truth) -> str:
    false = {sort for sort, _ in truth.wrong}
    if false:
        return next((reason for sort, reason in REASON_OF.items() if sort in false), "invented detail")
    return "" if truth.things else "too general"
