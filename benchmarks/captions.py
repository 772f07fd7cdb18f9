r"""Scores the captions that the notebook's decoder writes, before and after self-critical fine-tuning.

    CAPTION_DATASET=folder CAPTION_DATA_DIR=... CAPTION_ENCODER_WEIGHTS=... \
        python -m benchmarks.captions [--seeds 42 1] [--embeddings FOLDER] [--tokenizer ptb]

Trains as the settings say, once for each seed, and scores the captions of the validation photos with CIDEr and BLEU-4.
Of the captions by beam search it also counts how varied they are and how near their words are to people's.
The embeddings are read from the folder, where a run of the notebook leaves them; if they are missing, they are made.
The tokenizer `ptb` is that of MSCOCO's challenge and needs Java. The scores go into outputs/bench.json, under
"captions".
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import notebook_code, report
from captioning.datasets.loading import load_dataset
from captioning.decoder.fine_tuning import SelfCritical
from captioning.scoring.diversity import caption_diversity
from captioning.scoring.reward import CaptionReward
from captioning.scoring.scores import score_captions
from captioning.settings import Settings

WAYS = {                                # the notebook's
    "greedy": lambda writer, images: writer.greedy(images),
    "beam": lambda writer, images: writer.beam(images, 3, no_repeat=2),
}


def score(scope, tokenizer: str, train) -> dict[str, float]:
    """CIDEr and BLEU-4 of the validation photos' captions, for each way to write them, and the language of the last.

    Args:
        scope: the notebook's names.
        tokenizer: as for `score_captions`.
        train: for each training photo its captions, split.
    """
    names, sentences, found = scope["val_img_fns"], scope["val_captions"], {}
    references = {name: [scope["split_sentence"](s) for s in of_photo] for name, of_photo in zip(names, sentences)}
    if tokenizer == "ptb":
        references = dict(zip(names, sentences))
    for way, write in WAYS.items():
        written = write(scope["writer"], scope["val_img_embeds"])
        captions = {name: caption.words for name, caption in zip(names, written)}
        scores = score_captions(captions, references, tokenizer, decoding=way)
        found |= {f"{way} {metric}": scores[metric] for metric in ("CIDEr", "BLEU-4")}
    return found | language(captions, train)


def language(captions, train) -> dict[str, float]:
    """How varied captions are, and the shares of the words "in" and "on", which fine-tuning shifts most."""
    diversity, words = caption_diversity(captions, train), [word for caption in captions.values() for word in caption]
    return {"captions": diversity.distinct, "words": diversity.vocabulary_used, "distance": diversity.word_distance,
            "unseen runs": diversity.unseen_runs_share, "most common": diversity.most_common_share,
            **{f"“{word}”": words.count(word) / len(words) for word in ("in", "on")}}


def measure(settings: Settings, splits, embeddings, tokenizer: str) -> dict[str, dict[str, float]]:
    """Scores of the trained decoder and, if the settings ask for fine-tuning, of the fine-tuned one."""
    scope = notebook_code.run_cells(settings, splits, embeddings, last="CaptionWriter(")
    train, val = ([[scope["split_sentence"](s) for s in of_photo] for of_photo in scope[f"{split}_captions"]]
                  for split in ("train", "val"))
    with tempfile.TemporaryDirectory() as checkpoints:
        trainer = notebook_code.make_trainer(
            scope, replace(settings, checkpoint_root=Path(checkpoints)), embeddings[0].recipe)
        trainer.fit()
        found = {"trained": {"val_loss": trainer.restore_best()["val_loss"], **score(scope, tokenizer, train)}}
        if settings.self_critical_epochs:
            trainer.restore_best()
            tuner = SelfCritical(scope["writer"], trainer.train.img_embeds, trainer.val.img_embeds, trainer.settings,
                                 train, CaptionReward(train), CaptionReward(val))
            tuner.fit()
            tuner.restore_best()
            found["fine-tuned"] = {"val_loss": trainer.val_loss(), **score(scope, tokenizer, train)}
    return found


def main():
    """Trains and scores for each seed, prints a table and records it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    settings = Settings.from_environment()
    parser.add_argument("--seeds", type=int, nargs="+", default=[settings.seed])
    parser.add_argument("--embeddings", type=Path, default=settings.cache_dir)
    parser.add_argument("--tokenizer", default="split_sentence", choices=("split_sentence", "ptb"))
    options = parser.parse_args()
    splits = load_dataset(settings)
    settings = settings.completed(len(splits[0].names))
    embeddings = notebook_code.embeddings_of(splits, settings, options.embeddings)
    found = {seed: measure(replace(settings, seed=seed), splits, embeddings, options.tokenizer)
             for seed in options.seeds}
    columns = list(found[options.seeds[0]]["trained"])
    print(f"\n{'':17}" + "".join(f"{column:>15}" for column in columns))
    for stage in found[options.seeds[0]]:
        for seed, stages in found.items():
            print(f"{stage:11}{seed:>6}" + "".join(f"{stages[stage][column]:15.3f}" for column in columns))
        mean = [np.mean([stages[stage][column] for stages in found.values()]) for column in columns]
        print(f"{stage:11}{'mean':>6}" + "".join(f"{value:15.3f}" for value in mean))
    report.record("captions", {"tokenizer": options.tokenizer, **{str(seed): row for seed, row in found.items()}})


if __name__ == "__main__":
    main()
