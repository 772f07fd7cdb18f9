"""Where the datasets and the encoder's weights are on the web, with their sizes and digests."""

import os
from pathlib import Path

from captioning.datasets.transfer import Source, check_room, fetch


def _coco(name, folder, size, md5):
    """A file of MSCOCO. The official host answers only on http, the bucket behind it on https too."""
    path = f"images.cocodataset.org/{folder}/{name}"
    return Source(name, (f"https://s3.amazonaws.com/{path}", f"http://{path}"), size, md5=md5)


COCO2014 = {
    "annotations": _coco(
        "annotations_trainval2014.zip", "annotations", 252_872_794, "0a379cfc70b0e71301e0f377548639bd"
    ),
    "val": _coco("val2014.zip", "zips", 6_645_013_297, "a3d79f5ed8d289b7a7554ce06a5782b3"),
    "train": _coco("train2014.zip", "zips", 13_510_573_713, "0da8c0bd3d6becc4dcb32757491aca88"),
}
INCEPTION_V3_WEIGHTS = Source(
    "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    (
        "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
        "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
    87_910_968,
    md5="bcbd6486424b2319ff4ef7d526e38f63",
)


def fetch_coco2014(folder: str | os.PathLike, photos: bool | str = True, **options) -> dict[str, Path]:
    """Fetches MSCOCO 2014's zips: captions (0.25 GB) and photos (train 13.5 GB, val 6.6 GB).

    Args:
        folder: where the zips go. There must be room for all of them before the first is fetched.
        photos: True for both splits, "train" or "val" for one, False for captions only.
        **options: those of `fetch`.

    Returns:
        {"annotations": path, "val": path, "train": path}, without the splits not asked for.

    Raises:
        ValueError: for another value of `photos`, or a mirror that is not an address.
        DownloadError: as `fetch` does.
    """
    if photos not in (True, False, "train", "val"):
        raise ValueError(f'photos must be True, False, "train" or "val", not {photos!r}.')
    wanted = [key for key in COCO2014 if key == "annotations" or photos in (True, key)]
    check_room(Path(folder), [COCO2014[key] for key in wanted])
    return {key: fetch(COCO2014[key], folder, **options) for key in wanted}


def offline_weights_hint(models_folder: str | os.PathLike | None = None) -> str:
    """Says what to do when Keras can't download InceptionV3's weights.

    Args:
        models_folder: where Keras looks for them. By default the text names KERAS_HOME and the usual folder.

    Returns:
        Two sentences with address, size, digest and folder.
    """
    weights = INCEPTION_V3_WEIGHTS
    where = models_folder or (
        f"{Path.home() / '.keras' / 'models'} (or the folder models in KERAS_HOME, if that is set)"
    )
    return (
        f"Without a network, fetch {weights.urls[0]} ({weights.size / 1e6:.0f} MB, md5 {weights.md5}) on another "
        f"machine and put it in {where} under the same name. Keras then checks the digest and downloads nothing."
    )
