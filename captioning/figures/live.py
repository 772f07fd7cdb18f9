"""What moves in the notebook: the picture of a training run, and photos that are chosen while it runs."""

import base64
import contextlib
import functools
import html
import io
import os

from IPython.display import HTML, display
from PIL import Image

from captioning.datasets.photo_zip import BadPhoto
from captioning.figures.explained import loss_curves
from captioning.photos.decode import read_photo_file

ROW = '<tr><td style="text-align:right">{epoch}</td><td style="text-align:left">{caption}</td></tr>'
TABLE = """<div style="display:flex;gap:1.5em;align-items:flex-start;flex-wrap:wrap">
<img alt="the photo that is captioned after each epoch" src="{photo}" style="width:240px">
<table><thead><tr><th>epoch</th><th style="text-align:left">its caption</th></tr></thead>
<tbody>{rows}</tbody></table></div>"""


class TrainingPicture:
    """Losses against epochs and the captions of one photo, drawn anew in the same place after each epoch."""

    def __init__(self, photo: Image.Image):
        self.photo = _data_url(photo)
        self.displays = None

    def show(self, history):
        """history: rows as of `trainer.Trainer`, with `epoch`, losses and perhaps `caption`."""
        cells = ((html.escape(str(row["epoch"])), html.escape(str(row.get("caption", "")))) for row in history)
        rows = "".join(ROW.format(epoch=epoch, caption=caption) for epoch, caption in cells)
        parts = [loss_curves(history), HTML(TABLE.format(photo=self.photo, rows=rows))]
        if self.displays is None:
            self.displays = [display(part, display_id=True) for part in parts]
        else:
            for shown, part in zip(self.displays, parts):
                if shown is not None:           # outside a notebook there is nothing to update
                    shown.update(part)


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


def _data_url(photo: Image.Image, largest: int = 480) -> str:
    small = photo.copy()
    small.thumbnail((largest, largest))
    jpeg = io.BytesIO()
    small.save(jpeg, "JPEG", quality=88, comment=b"")       # else the photo's own goes along
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.getvalue()).decode()
