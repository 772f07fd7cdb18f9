"""The files of results that a notebook leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from captioning.datasets.splits import Split
from captioning.scoring.words import Words
from captioning.settings import Settings
from captioning.storage.files import write_json


def write_results(folder, settings: Settings, val: Split, captions: Mapping[str, Words],
                  history: Sequence[dict] | None = None, **metrics):
    """Writes val_captions.json (MSCOCO's format for results), metrics.json, and history.json if there is a history.

    Args:
        folder: where the files go.
        settings: of the run; metrics.json holds them too. If epochs were lowered later, more were trained than they
            say, so metrics.json also holds the epochs and steps of the history.
        val: the validation photos.
        captions: the words of each photo's caption, by the photo's name.
        history: the rows of the training's epochs.
        **metrics: the entries of metrics.json: scores, dictionaries of scores, or what JSON can hold.

    Raises:
        OSError: a file can't be written.
    """
    folder = Path(folder)
    if history is not None:
        write_json(folder / "history.json", history)
        metrics["trained"] = {"epochs": history[-1]["epoch"], "steps": history[-1]["step"]} if history else None
    write_json(folder / "val_captions.json", [
        {"image_id": image_id, "caption": " ".join(captions[name])}
        for image_id, name in zip(val.image_ids, val.names, strict=True)])
    write_json(folder / "metrics.json", _plain(metrics) | {"settings": settings.as_dict()})
    print(f"Captions and scores are in {folder}.")


def _plain(value):
    """Scores as dictionaries, at any depth."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value.as_dict() if hasattr(value, "as_dict") else value
