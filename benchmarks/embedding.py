"""How fast photos become embeddings: Keras's model.predict, and ours in each precision that this processor has.

    python benchmarks/embedding.py [--photos 192] [--repeats 5]

Renders photos of the drawn world, 640 x 480 as MSCOCO's are, and embeds all of them in turns, with the network alone on
crops that are ready, and ours also end to end from the JPEGs in a zip. Random weights: they cost what trained ones do.
"""

import argparse
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import report  # isort: skip
import keras
import numpy as np
from PIL import Image

import drawn_world
import keras_utils
import utils

COCO_PHOTOS = 123_287
GFLOP_PER_PHOTO = 11.4


def photo_zip(path: Path, count: int):
    """A zip of drawn photos at MSCOCO's usual size."""
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            photo = Image.open(BytesIO(drawn_world.render_photo(99, "train2014", i).jpeg)).resize((640, 480))
            jpeg = BytesIO()
            photo.save(jpeg, "JPEG", quality=90)
            archive.writestr(f"{i:06d}.jpg", jpeg.getvalue())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=192)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    count = -(-options.photos // utils.EMBED_BATCH) * utils.EMBED_BATCH

    model = keras.applications.InceptionV3(include_top=False, pooling="avg", weights=None, input_shape=(299, 299, 3))
    precisions = ["float32", *(["bfloat16"] if keras_utils._has_fast_bfloat16() else [])]
    encoders = {p: keras_utils.Encoder(model, "random", p) for p in precisions}

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train2014.zip"
        photo_zip(path, count)
        with utils.PhotoZip(path) as photos:
            names = photos.names
            crops = np.stack([utils.center_crop(photos.photo(name)) for name in names])
        split = utils.Split("train", path, names, [["a photo"]] * count, list(range(count)))
        ready = crops.astype(np.float32) / 127.5 - 1
        batches = [crops[i:i + utils.EMBED_BATCH] for i in range(0, count, utils.EMBED_BATCH)]

        def end_to_end(encoder):
            with tempfile.TemporaryDirectory(dir=folder) as cache:
                utils.embed_split(split, encoder, cache)

        ways = {"model.predict, network alone": lambda: model.predict(ready, batch_size=utils.EMBED_BATCH, verbose=0)}
        for precision, encoder in encoders.items():
            ways[f"ours {precision}, network alone"] = lambda e=encoder: [e(batch) for batch in batches]
            ways[f"ours {precision}, from the zip"] = lambda e=encoder: end_to_end(e)
        found = report.rates(ways, count, options.repeats)

    peak = report.matrix_product_peak()
    baseline = found["model.predict, network alone"]
    print(f"\n{count} photos, {options.repeats} rounds; float32 matrix product {peak:,.0f} GFLOP/s\n")
    print(f"{'':34}{'photos/s':>9}{'ratio':>7}{'of peak':>9}{'MSCOCO':>10}")
    for name, rate in found.items():
        print(f"{name:34}{rate:9.1f}{rate / baseline:7.2f}{rate * GFLOP_PER_PHOTO / peak:9.0%}"
              f"{COCO_PHOTOS / rate / 3600:8.2f} h")
    default = found[f"ours {precisions[-1]}, from the zip"]
    report.record("embedding", {"ratio_to_predict": default / baseline, "images_per_s": default,
                                "photos_per_s": found, "matrix_product_gflops": peak})


if __name__ == "__main__":
    main()
