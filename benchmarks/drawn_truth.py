"""How often captions of the drawn world's photos are true.

    python -m benchmarks.drawn_truth [NAME=]CAPTIONS.json ... [--data data/drawn] [--split val] [--examples 5]

Each file has MSCOCO's result format, like the notebook's outputs/val_captions.json: a list of {"image_id", "caption"}.
The table has a column for each file, so you can compare encoders. The truth about the photos comes from the dataset's
scenes_val2014.json.
"""

import argparse
from collections import Counter
from pathlib import Path

from captioning.datasets.drawn.truth import check_caption, read_scenes
from captioning.storage import files

ROOT = Path(__file__).resolve().parent.parent
GRAVE = {"thing", "colour", "count", "place"}       # sorts of claims that anyone sees at a glance
SORTS = ("thing", "colour", "count", "place", "backdrop", "weather", "time", "action", "relation")


def read_results(path) -> dict[int, str]:
    """Reads captions in MSCOCO's result format.

    Returns:
        {image id: caption}.

    Raises:
        OSError, ValueError: the file can't be read; the message names it.
    """
    try:
        return {row["image_id"]: row["caption"] for row in files.read_json(path, "a list of captions")}
    except (KeyError, TypeError):
        raise ValueError(f"{path}: expected a list of objects with `image_id` and `caption`.") from None


def measure(captions: dict[int, str], scenes: dict[int, dict]) -> dict[str, float]:
    """Counts what is wrong with captions, and what is right.

    Args:
        captions: {image id: caption}.
        scenes: {image id: scene}.

    Returns:
        Shares of the photos, from 0 to 1:
        "contradicted": the caption claims a thing, colour, count or place that is not in the scene;
        "anything false": it makes any false claim;
        each of SORTS: it makes a false claim of this sort;
        "place right": it makes no false claim of place;
        "all things named": it mentions everything in the scene;
        "and in their colours": it also gives each colour, and makes no false claim.

    Raises:
        ValueError: a caption belongs to no scene.
    """
    unknown = captions.keys() - scenes.keys()
    if unknown or not captions:
        raise ValueError(
            f"{len(unknown)} of {len(captions)} captions are for photos that have no scene, such as "
            f"{sorted(unknown)[:3]}. Captions and dataset must belong together: check --data and --split."
        )
    found = Counter()
    for image_id, caption in captions.items():
        found.update(_findings(check_caption(caption, scenes[image_id]), scenes[image_id]["things"]))
    names = ("contradicted", "anything false", *SORTS, "place right", "all things named", "and in their colours")
    return {name: found[name] / len(captions) for name in names}


def _findings(truth, things) -> set:
    """Names of the table's rows in which a photo counts."""
    found = {sort for sort, _ in truth.wrong}
    if found & GRAVE:
        found.add("contradicted")
    if truth.wrong:
        found.add("anything false")
    if "place" not in found:
        found.add("place right")
    if len(truth.things) == len(things):
        found.add("all things named")
        coloured = {(k, thing["colour"]) for k, thing in enumerate(things) if thing["colour"]}
        if not truth.wrong and coloured <= set(truth.colours):
            found.add("and in their colours")
    return found


def show(columns: dict[str, dict]) -> str:
    """The measurements as a table in percent, with a column for each file."""
    width = max(8, *(len(name) + 2 for name in columns))
    lines = [" " * 24 + "".join(f"{name:>{width}}" for name in columns)]
    for row in next(iter(columns.values())):
        label = f"  wrong {row}" if row in SORTS else row
        lines.append(f"{label:24}" + "".join(f"{values[row]:{width}.1%}" for values in columns.values()))
    return "\n".join(lines)


def contradictions(captions, scenes, number: int):
    """Yields the first `number` captions with a false claim, and what is wrong with each."""
    for image_id, caption in sorted(captions.items()):
        wrong = check_caption(caption, scenes[image_id]).wrong
        if wrong and number > 0:
            number -= 1
            yield f"{image_id}: {caption}   ({', '.join(f'{sort}: {words}' for sort, words in wrong)})"


def main(arguments=None):
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawn_truth", description=__doc__.splitlines()[0])
    parser.add_argument("captions", nargs="*", default=["outputs/val_captions.json"], metavar="[NAME=]FILE",
                        help="captions, as the notebook writes them (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "drawn", help="the dataset's folder")
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--examples", type=int, default=5, metavar="N", help="captions with false claims to show")
    options = parser.parse_args(arguments)
    named = [("", "", text) if Path(text).exists() else text.partition("=") for text in options.captions]
    labels = [name or Path(path).stem for name, _, path in named]
    if len(set(labels)) < len(labels):
        parser.error(f"two files have the same name ({', '.join(labels)}); name them: NAME=FILE")
    try:
        scenes = read_scenes(options.data, options.split)
        captions = {label: read_results(path) for label, (*_, path) in zip(labels, named)}
        print(show({name: measure(found, scenes) for name, found in captions.items()}))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for name, found in captions.items():
        print("", name, *contradictions(found, scenes, options.examples), sep="\n")


if __name__ == "__main__":
    main()
