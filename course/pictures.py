"""Makes the pictures in docs/ that the notebooks and the README show.

python -m course.pictures         those that need no run: the diagrams
python -m course.pictures RUN     also three captions and the gallery, from a folder of results on the drawn world
"""

import json
import sys
from pathlib import Path

from PIL import Image

from captioning.datasets.loading import load_dataset
from captioning.datasets.photo_folder import open_photos
from captioning.figures.architecture import plot_data_flow, plot_encoder_decoder
from captioning.figures.decoder_steps import STEPS, plot_decoder_step
from captioning.figures.photo_grid import plot_photos
from captioning.photos.decode import decode_photo
from captioning.settings import Settings
from course.build import ROOT

DOCS = ROOT / "docs"
SHARPNESS = 150             # pixels per inch
SHOWN = 3, 7, 12            # places of the validation photos in the first picture


def write_diagrams(folder: Path = DOCS / "notebook"):
    """Writes the diagrams of encoder and decoder, of the data's way, and of each of the decoder's steps."""
    folder.mkdir(parents=True, exist_ok=True)
    diagrams = {"encoder_decoder": plot_encoder_decoder(), "data_flow": plot_data_flow()} | {
        step.replace(" ", "_"): plot_decoder_step(step) for step in STEPS}
    for name, figure in diagrams.items():
        figure.savefig(folder / f"{name}.png", dpi=SHARPNESS)


def write_results(run: Path, folder: Path = DOCS):
    """Writes three photos with the captions that a run wrote, and the run's gallery.

    Args:
        run: the folder of results of a run on the drawn world.
        folder: where the pictures go.
    """
    _, val = load_dataset(Settings())
    captions = {row["image_id"]: row["caption"] for row in json.loads((run / "val_captions.json").read_text("utf-8"))}
    with open_photos(val.photos) as photos:
        shown = [decode_photo(photos.read(val.names[place])) for place in SHOWN]
    figure = plot_photos(shown, [captions[val.image_ids[place]] for place in SHOWN], columns=len(SHOWN),
                         title="What a trained decoder wrote about three scenes")
    figure.savefig(folder / "notebook" / "captions.png", dpi=SHARPNESS)
    Image.open(run / "gallery.png").convert("RGB").save(folder / "gallery.jpg")


if __name__ == "__main__":
    write_diagrams()
    if sys.argv[1:]:
        write_results(Path(sys.argv[1]))
