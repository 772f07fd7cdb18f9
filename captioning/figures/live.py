"""What moves in the notebook: the picture of a training run, and photos that are chosen while it runs."""

import contextlib
import functools
import os

from IPython.display import HTML, display
from PIL import Image

from captioning.datasets.photo_zip import BadPhoto
from captioning.figures.losses import loss_curves
from captioning.figures.pictures import jpeg_data_url
from captioning.markup import render
from captioning.photos.decode import read_photo_file

PHOTO_SIDE = 480            # pixels of the longer side, for 240 on the page


class TrainingPicture:
    """Losses against epochs and the captions of one photo, drawn anew in the same place after each epoch."""

    def __init__(self, photo: Image.Image):
        small = photo.copy()
        small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        self.photo = jpeg_data_url(small, quality=88)
        self.displays = None

    def show(self, history):
        """history: rows as of `trainer.Trainer`, with `epoch`, losses and perhaps `caption`."""
        parts = [loss_curves(history), HTML(self.table(history))]
        if self.displays is None:
            self.displays = [display(part, display_id=True) for part in parts]
        else:
            for shown, part in zip(self.displays, parts):
                if shown is not None:           # outside a notebook there is nothing to update
                    shown.update(part)

    def table(self, history) -> str:
        """HTML of the photo and its caption after each epoch. history: as of `show`."""
        return render("figures/training_picture.html.j2", photo=self.photo, history=history)


@contextlib.contextmanager
def hushed():
    """Hides what compiled code writes to the process's error stream: TensorFlow's greetings heed no setting.

    Exceptions come through as ever.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def show_photo_file(path, on_photo):
    """Displays what `on_photo(bytes)` returns for a photo's file, or says in a sentence what is wrong with the file."""
    _show(path, lambda: on_photo(read_photo_file(path)))


def _show(name, make):
    try:
        display(make())
    except BadPhoto as error:
        print(f"{name} {error}.")


def photo_chooser(on_photo):
    """Shows a button to choose a photo's file; displays what `on_photo(bytes)` returns for it."""
    import ipywidgets

    button, output = ipywidgets.FileUpload(accept="image/*", description="Choose a photo"), ipywidgets.Output()

    def chosen(change):
        output.clear_output()
        with output:
            for file in change["new"]:
                _show(file["name"], functools.partial(on_photo, bytes(file["content"])))

    button.observe(chosen, names="value")
    shown = ipywidgets.VBox([button, output])._repr_mimebundle_()
    # Where a saved notebook is read, there are no buttons; the widget's own text would be its Python code.
    display({**shown, "text/plain": "(Here is a button to choose a photo, while the notebook runs.)"}, raw=True)
