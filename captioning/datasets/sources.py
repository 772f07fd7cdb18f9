"""Where the datasets and the encoder's weights are on the web, with their sizes and digests."""

import os
from pathlib import Path

from captioning.datasets.transfer import Source, check_room, fetch


def _coco(name, folder, size, md5):
    """A file of MSCOCO. The official host answers only on http, the bucket behind it on https too."""
    path = f"images.cocodataset.org/{folder}/{name}"
    return Source(name, (f"https://s3.amazonaws.com/{path}", f"http://{path}"), size, md5=md5)


def _flickr8k(name, about, md5):
    """A file of Flickr8k. The authors' own page is gone; this copy is the one that most courses use."""
    return Source(name, (f"https://github.com/jbrownlee/Datasets/releases/download/Flickr8k/{name}",), None, md5=md5,
                  about=about)


ANNOTATIONS_2017 = _coco("annotations_trainval2017.zip", "annotations", 252_907_541, "f4bbac642086de4f52a3fdda2de5fa2c")
VAL_2017 = _coco("val2017.zip", "zips", 815_585_330, "442b8da7639aecaf257c1dceb8ba8c80")

# {dataset: {what a zip holds: the zip}}, captions first. "photos" are those of both splits.
DOWNLOADS = {
    "coco_small": {"annotations": ANNOTATIONS_2017, "photos": VAL_2017},
    "flickr8k": {
        "annotations": _flickr8k("Flickr8k_text.zip", 2_400_000, "bf6c1abcb8e4a833b7f922104de18627"),
        "photos": _flickr8k("Flickr8k_Dataset.zip", 1_120_000_000, "f18a1e2920de5bd84dae7cf08ec78978"),
    },
    "coco2014": {
        "annotations": _coco(
            "annotations_trainval2014.zip", "annotations", 252_872_794, "0a379cfc70b0e71301e0f377548639bd"),
        "val": _coco("val2014.zip", "zips", 6_645_013_297, "a3d79f5ed8d289b7a7554ce06a5782b3"),
        "train": _coco("train2014.zip", "zips", 13_510_573_713, "0da8c0bd3d6becc4dcb32757491aca88"),
    },
    "coco2017": {
        "annotations": ANNOTATIONS_2017,
        "val": VAL_2017,
        "train": _coco("train2017.zip", "zips", 19_336_861_798, "cced6f7f71b7629ddf16f17bbcfab6b2"),
    },
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


def fetch_dataset(name: str, folder: str | os.PathLike, photos: bool | str = True, **options) -> dict[str, Path]:
    """Fetches the zips of a dataset.

    Args:
        name: a key of DOWNLOADS.
        folder: where the zips go. There must be room for all of them before the first is fetched.
        photos: True for all photos, "train" or "val" for one split, False for captions only. Where one zip has the
            photos of both splits, it is fetched for either.
        **options: those of `fetch`.

    Returns:
        {key of DOWNLOADS[name]: path}, without the zips not asked for.

    Raises:
        ValueError: for another value of `photos`, or a mirror that is not an address.
        DownloadError: as `fetch` does.
    """
    if photos not in (True, False, "train", "val"):
        raise ValueError(f'photos must be True, False, "train" or "val", not {photos!r}.')
    zips = DOWNLOADS[name]
    wanted = [key for key in zips if key == "annotations" or photos in (True, key) or (photos and key == "photos")]
    check_room(Path(folder), [zips[key] for key in wanted])
    return {key: fetch(zips[key], folder, **options) for key in wanted}


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
