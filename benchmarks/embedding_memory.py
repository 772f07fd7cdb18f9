"""How the memory of embedding grows with the number of photos, and whether MSCOCO fits a small machine.

    python -m benchmarks.embedding_memory [--photos 2000 20000] [--weights FILE]

Two processes embed 2,000 and 20,000 photos, with an encoder that averages colours and returns 2,048 values. The
difference of their peaks shows what each photo costs: its entry in the zip, its name, its captions, and memory that is
never freed. A third process embeds 320 photos with the real network. Its peak, plus that cost for each further photo,
is what MSCOCO takes.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import report
from captioning.datasets.photo_zip import PhotoZip
from captioning.datasets.splits import Split
from captioning.encoder.cache import embed_split

COCO_TRAIN = 82_783


class MeanColour:
    """Stands in for the network: the embedding repeats a photo's mean colour."""

    recipe = {"encoder": "mean colour"}

    def __call__(self, photos):
        """Embeds photos, (B, size, size, 3) uint8, to (B, 2048) float32."""
        return np.tile(photos[:, ::9, ::9].mean(axis=(1, 2), dtype=np.float32), 683)[:, :2048]


def photo_zip(path: Path, count: int):
    """Writes a zip with one small photo under many names."""
    jpeg = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(jpeg, "JPEG")
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            archive.writestr(f"train2014/COCO_train2014_{i:012d}.jpg", jpeg.getvalue())


def peak(count: int, encoder: str = "") -> int:
    """Peak memory of a process that embeds photos.

    Args:
        count: Number of photos.
        encoder: Weights for `get_cnn_encoder`; empty for the mean colour.

    Returns:
        Bytes.
    """
    with tempfile.TemporaryDirectory() as folder:
        photo_zip(Path(folder) / "train2014.zip", count)
        result = subprocess.run([sys.executable, "-m", __spec__.name, "--embed", folder, "--weights", encoder],
                                capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return int(result.stdout.split()[-1])


def embed(folder: Path, weights: str):
    """Embeds the photos in `folder` and prints the peak memory of this process."""
    if weights:
        from captioning.encoder.cnn import get_cnn_encoder

        encoder = get_cnn_encoder(weights)
    else:
        encoder = MeanColour()
    with PhotoZip(folder / "train2014.zip") as photos:
        names = photos.names
    captions = [[f"caption {k} of {name}, about as long as most are" for k in range(5)] for name in names]
    split = Split("train", folder / "train2014.zip", names, captions, list(range(len(names))))
    embed_split(split, encoder, folder / "cache")
    print(report.peak_memory())


def slope(few: int, many: int) -> tuple[float, int]:
    """Bytes that each photo takes, and the peak for `few` photos."""
    least = peak(few)
    return (peak(many) - least) / (many - few), least


def main():
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, nargs=2, default=(2_000, 20_000))
    parser.add_argument("--weights", default="drawn", help="of the real network: drawn, imagenet or a file")
    parser.add_argument("--embed", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.embed:
        return embed(options.embed, options.weights)
    bytes_per_photo, least = slope(*options.photos)
    print(f"{options.photos[0]:,} photos: {least / 1e6:,.0f} MB; each further photo: {bytes_per_photo:,.0f} bytes")
    network = peak(320, options.weights)
    coco = network + bytes_per_photo * (COCO_TRAIN - 320)
    print(f"320 photos with the real network: {network / 1e6:,.0f} MB; {COCO_TRAIN:,} photos: {coco / 1e6:,.0f} MB")
    report.record("embedding_memory", {"bytes_per_photo": bytes_per_photo, "peak_of_network": network,
                                       "peak_of_coco": coco})


if __name__ == "__main__":
    main()
