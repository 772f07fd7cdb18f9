"""Does the loss depend on the photo? A decoder that does not see it can't learn to caption."""

import numpy as np

from captioning.decoder.batches import Data
from captioning.decoder.errors import TrainingStopped

PHOTOS = 8
LOOK_AT_PHOTO = (
    "Look at the decoder: `h0` and `c0` come from `img_embeds`, and the LSTM begins with initial_state=[h0, c0]."
)


def require_photo_matters(loss_of, data: Data, max_len: int):
    """Compares the loss of one caption for several photos.

    Args:
        loss_of: function of images (1, D) float32 and sentences (1, T) int32 that returns the loss.
        data: gives the photos and the caption.
        max_len: most tokens of the caption.

    Raises:
        TrainingStopped: the loss is the same for all photos.
    """
    photos = np.asarray(data.img_embeds[:PHOTOS], np.float32)
    sentence = np.int32([data.captions_indexed[0][0][:max_len]])
    losses = {float(loss_of(photo[None], sentence)) for photo in photos}
    if len(losses) == 1 and len(photos) > 1:
        same = "" if len(np.unique(photos, axis=0)) > 1 else "Their embeddings are all the same: look at those first. "
        raise TrainingStopped(
            f"The same caption has the same loss, {losses.pop():.6g}, for {len(photos)} photos: the decoder does "
            f"not see them. {same}{LOOK_AT_PHOTO}")
