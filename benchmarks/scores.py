"""Compares our scores with pycocoevalcap's: values, processor time, memory.

    python -m benchmarks.scores [--photos 40504]

The references are the captions of `benchmarks.full_size_data`, five for each photo. Its caption is the beginning of one
of them or of another photo's.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from benchmarks.full_size_data import PHOTOS, make_captions
from benchmarks.report import peak_memory, record
from captioning.datasets.tokens import split_sentence


def made_up(photos: int) -> tuple[dict, dict]:
    """Captions and references by photo, as lists of words."""
    references = {f"{n:06}": [split_sentence(each) for each in make_captions(1, "val", n)] for n in range(photos)}
    names = list(references)
    rng = np.random.default_rng(0)
    captions = {name: references[name if rng.random() < 0.3 else names[rng.integers(photos)]][0][:rng.integers(1, 16)]
                for name in names}
    return captions, references


def ours(photos: int) -> tuple[list[float], np.ndarray, float, int]:
    """Six scores, and those of the photos; seconds of processor time; bytes of memory beyond the captions."""
    from captioning.scoring.scores import METRICS, score_captions

    captions, references = made_up(photos)
    memory, began = peak_memory(), time.process_time()
    scores = score_captions(captions, references)
    took = time.process_time() - began
    return [scores[m] for m in METRICS], np.array([scores.per_photo[m] for m in METRICS]), took, peak_memory() - memory


def theirs(photos: int) -> tuple[list[float], np.ndarray, float, int]:
    """The same of pycocoevalcap, which makes no intervals."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    captions, references = made_up(photos)
    memory, began = peak_memory(), time.process_time()
    truths = {name: [" ".join(words) for words in written] for name, written in references.items()}
    said = {name: [" ".join(words)] for name, words in captions.items()}
    bleu, bleus = Bleu(4).compute_score(truths, said, verbose=0)
    rouge, rouges = Rouge().compute_score(truths, said)
    cider, ciders = Cider().compute_score(truths, said)
    took = time.process_time() - began
    return [*bleu, rouge, cider], np.array([*bleus, rouges, ciders]), took, peak_memory() - memory


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scores", description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=PHOTOS["val"], help="with five references (default: %(default)s)")
    asked = parser.parse_args()
    results = []
    for way in (theirs, ours):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:       # each with memory of its own
            results.append(pool.submit(way, asked.photos).result())
    (their_scores, their_photos, their_seconds, their_memory), (scores, photos, seconds, memory) = results
    difference = max(np.abs(np.subtract(their_scores, scores)).max(), np.abs(their_photos - photos).max())
    print(f"{asked.photos:,} captions, six scores, processor time and memory beyond that of the captions:")
    print(f"pycocoevalcap            {their_seconds:7.1f} s {their_memory / 1e6:9,.0f} MB")
    print(f"ours, with intervals     {seconds:7.1f} s {memory / 1e6:9,.0f} MB")
    print(f"ratio                    {their_seconds / seconds:7.1f} x {their_memory / memory:9.1f} x")
    print(f"largest difference of a score, of the corpus or of a photo: {difference:.1e}")
    record("scores", {"photos": asked.photos, "ratio_to_pycocoevalcap": their_seconds / seconds, "seconds": seconds,
                      "memory_ratio": their_memory / memory, "largest_difference": float(difference)})


if __name__ == "__main__":
    main()
