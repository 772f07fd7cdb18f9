"""What changes while a notebook runs: the picture of the training, and a button to choose a photo."""

import functools

from IPython.display import HTML, display
from PIL import Image

from captioning.datasets.photo_folder import read_photo_file
from captioning.datasets.photo_zip import BadPhoto
from captioning.figures.losses import plot_loss_curves
from captioning.figures.pictures import jpeg_data_url
from captioning.markup import render
from captioning.photos import own_files

PHOTO_SIDE = 480            # longer side in pixels; the notebook shows 240


class TrainingPicture:
    """The losses and the captions of one photo. Each `show` replaces the picture of the one before."""

    def __init__(self, photo: Image.Image):
        """Makes a picture that is not shown yet.

        Args:
            photo: the photo that is captioned after each epoch.
        """
        small = photo.copy()
        small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
        self.photo = jpeg_data_url(small, quality=88)
        self.displays = None

    def show(self, history):
        """Shows the picture, or updates it in its place. It shows nothing before the first loss.

        Args:
            history: rows as the Trainer writes them: dicts with step, epoch, train_loss, val_loss, and caption if
                there is one.
        """
        if not history:
            return
        parts = [plot_loss_curves(history), HTML(self.table(history))]
        if self.displays is None:
            self.displays = [display(part, display_id=True) for part in parts]
        else:
            for shown, part in zip(self.displays, parts):
                if shown is not None:           # None outside a notebook
                    shown.update(part)

    def table(self, history) -> str:
        """Returns the HTML of the photo and its caption after each epoch.

        Args:
            history: as for `show`.
        """
        return render("figures/training_picture.html.j2", photo=self.photo, history=history)


def show_photo_file(path, on_photo):
    """Displays what a function returns for the file of a photo. If the file is missing or broken, prints the reason.

    Args:
        path: of the file, from the folder of the project or of the notebook.
        on_photo: takes the bytes of the file.
    """
    found = own_files.find(path)
    if found is None:
        print(f"{path} {own_files.not_found(path)}.")
    else:
        _show(path, lambda: on_photo(read_photo_file(found)))


def _show(name, make):
    """Displays what `make` returns, or prints why it could not read the photo."""
    try:
        display(make())
    except BadPhoto as error:
        print(f"{name} {error}.")


def photo_chooser(on_photo):
    """Shows a button to choose the file of a photo, and displays what a function returns for it.

    Args:
        on_photo: takes the bytes of the file.
    """
    import ipywidgets

    output, button = ipywidgets.Output(), ipywidgets.FileUpload(
        accept="image/*", description="Choose a photo", layout={"width": "max-content"})    # else its text is cut

    def chosen(change):
        output.clear_output()
        with output:
            for file in change["new"]:
                _show(file["name"], functools.partial(on_photo, bytes(file["content"])))

    button.observe(chosen, names="value")
    shown = ipywidgets.VBox([button, output])._repr_mimebundle_()
    # A saved notebook has no buttons. Without this text it would show the Python code of the widget.
    display({**shown, "text/plain": "(Here is a button to choose a photo, while the notebook runs.)"}, raw=True)
