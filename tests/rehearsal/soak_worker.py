"""One start of the whole way that tests/soak.py rehearses, from download to scores. Its argument is a JSON.

It says `phase: <name>` when one begins. It ends with 0 when all is there, 3 after an error that it put into a sentence
(`error: …`), and 130 after Ctrl-C; whatever else goes wrong ends it with Python's traceback.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from captioning.datasets.splits import load_split
from captioning.datasets.tokens import PAD, split_sentence
from captioning.datasets.transfer import Patience, Source, fetch
from captioning.decoder import checkpoints
from captioning.encoder.cache import embed_split
from captioning.encoder.shards import Shards
from captioning.settings import Settings
from captioning.storage import files

# A line that breaks often, and a rehearsal that can't wait.
PATIENCE = Patience(connect=2, stall=1, min_rate=1024, window=2, attempts=4, first_wait=0.05,
                                   longest_wait=0.4, longest_retry_after=2)


class StandIn:
    """An encoder that starts at once and takes its time: an embedding is the photo in 8 x 8 pixels."""

    recipe = {"encoder": "8 x 8 pixels", "weights": "none", "precision": "float32"}
    size, width = 96, 192

    def __call__(self, photos):
        time.sleep(0.15)
        pieces = photos.reshape(len(photos), 8, 12, 8, 12, 3).astype(np.float32)
        return pieces.mean(axis=(2, 4)).reshape(len(photos), -1) / 255


def download(order, folder):
    for source in order["sources"]:
        source = Source(**source | {"urls": tuple(source["urls"])})
        fetch(source, folder / "data", progress=False, patience=PATIENCE, say=print)


def embed(order, folder):
    """The splits without the photos that are broken, and the embeddings of both."""
    if order["true_encoder"]:
        from captioning.encoder.cnn import get_cnn_encoder

        encoder = get_cnn_encoder("drawn")
    else:
        encoder = StandIn()
    splits = [load_split(folder / "data", name) for name in ("train", "val")]
    embeddings = [embed_split(split, encoder, folder / "embeddings") for split in splits]
    return [split.without(found.skipped) for split, found in zip(splits, embeddings)], embeddings


def make_trainer(order, folder, splits, embeddings):
    """The notebook's decoder and trainer, in small, and what writes captions with them."""
    import keras

    from captioning.decoder.trainer import Data, Trainer
    from captioning.decoding.writer import CaptionWriter
    from tests.helpers.course_cells import define

    settings = Settings(
        dataset="folder", data_dir=folder / "data", checkpoint_root=folder / "checkpoints",
        output_dir=folder / "outputs", epochs=3, batches_per_epoch=20, batch_size=16, val_batches=4, dropout=0.3,
        self_critical_epochs=3, self_critical_rate=1e-3, checkpoint_minutes=order["checkpoint_minutes"], seed=7,
    ).completed(len(splits[0].captions))
    words = define(order["cells"], "split_sentence", "generate_vocabulary", "caption_tokens_to_indices")
    vocab = words.generate_vocabulary(splits[0].captions)
    indexed = [words.caption_tokens_to_indices(split.captions, vocab) for split in splits]
    keras.utils.set_random_seed(settings.seed)
    made = define(order["cells"], "batch_captions_to_matrix", "generate_batch", "decoder", "final_model", vocab=vocab,
                  PAD=PAD, settings=settings, IMG_EMBED_SIZE=embeddings[0].values.shape[1])
    data = [Data(found.usable(), captions) for found, captions in zip(embeddings, indexed)]
    writer = CaptionWriter(made.final_model.initial_state, made.final_model.one_step, vocab)
    trainer = Trainer(made.decoder, made.generate_batch, *data, vocab, settings, embeddings[0].recipe, writer.models)
    return made.decoder, trainer, writer


def make_tuner(order, splits, decoder, trainer, writer):
    """The notebook's second trainer, in small."""
    from captioning.decoder.fine_tuning import SelfCritical
    from captioning.scoring.reward import CaptionReward
    from tests.helpers.course_cells import define

    split_sentence = define(order["cells"], "split_sentence").split_sentence
    train, val = ([[split_sentence(caption) for caption in captions] for captions in split.captions]
                  for split in splits)
    trainer.restore_best()
    return SelfCritical(writer, trainer.train.img_embeds, trainer.val.img_embeds, trainer.settings, train,
                        CaptionReward(train), CaptionReward(val), steps_per_epoch=5)


def fit(trainer, history_file, **options):
    """Trains, and leaves the decoder with the best weights."""
    history = trainer.fit(**options)
    files.write_json(trainer.settings.output_dir / history_file, history)
    if trainer.restore_best()["step"] != checkpoints.best_step(history):
        folder = trainer.checkpoints.folder
        raise ValueError(f"The best checkpoint in {folder} was damaged, and another was taken. Delete {folder} to "
                         "train again.")


def score(folder, captions, references):
    """Scores captions as the notebooks do. Java's scores, which a machine may lack, have a file of their own."""
    from captioning.scoring.java import NoJavaScore
    from captioning.scoring.scores import score_captions

    words = {name: split_sentence(caption) for name, caption in captions.items()}
    files.write_json(folder / "scores.json", score_captions(
        words, {name: list(map(split_sentence, written)) for name, written in references.items()}).as_dict())
    try:
        of_java = score_captions(captions, references, "ptb", extra=["METEOR"]).as_dict()
    except NoJavaScore as reason:
        of_java = {"left_out": [str(reason)]}
    files.write_json(folder / "java.json", of_java)


def go_the_way(order):
    folder = Path(order["folder"])
    say_phase("download")
    download(order, folder)
    say_phase("embed")
    splits, embeddings = embed(order, folder)
    if set(order["phases"]) <= {"download", "embed"}:
        return
    decoder, trainer, writer = make_trainer(order, folder, splits, embeddings)
    val_embeds = embeddings[1].usable()
    say_phase("train")
    fit(trainer, "history.json", sample_caption=lambda: str(writer.greedy(val_embeds[:1])[0]))
    say_phase("fine-tune")
    fit(make_tuner(order, splits, decoder, trainer, writer), "fine_tuning.json")
    say_phase("caption")
    captions = [str(caption) for caption in writer.beam(val_embeds, width=3)]
    files.write_json(folder / "outputs" / "val_captions.json", [
        {"image_id": image_id, "caption": caption} for image_id, caption in zip(splits[1].image_ids, captions)])
    say_phase("score")
    score(folder / "outputs", dict(zip(splits[1].names, captions)), dict(zip(splits[1].names, splits[1].captions)))


def say_phase(name):
    print(f"phase: {name}", flush=True)


def resume_wrongly():
    """A bug to be found: where a process goes on with another one's batches, it makes its own otherwise."""
    write, began = Shards.write, time.time()

    def write_wrongly(self, start, rows, skipped):
        resumed = any(batch.stat().st_mtime < began for batch in self.folder.glob("*.npz"))
        write(self, start, rows + np.float16(resumed), skipped)

    Shards.write = write_wrongly


def main():
    order = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")             # of the broken photos, at each start
    if order["plant"]:
        resume_wrongly()
    try:
        go_the_way(order)
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", flush=True)
        sys.exit(130)
    except (ValueError, OSError) as error:
        print("error:", " ".join(str(error).split()), flush=True)
        sys.exit(3)


if __name__ == "__main__":
    main()
