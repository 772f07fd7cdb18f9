"""The encoder (photos to embeddings) and the trainer of the decoder, with its checkpoints and progress."""

import json
import platform
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tqdm.auto import tqdm

import drawn_world
import files
from checkpoints import CheckpointFolder, best_step
from settings import Settings
from utils import IMG_EMBED_SIZE, IMG_SIZE, center_crop

# --------------------------------------------------------------------------------------------- encoder


class Encoder:
    """InceptionV3 without its classifier: a photo becomes the 2,048 means of its last feature maps.

    Call it with (B, 299, 299, 3) uint8; it returns (B, 2048) float32. `recipe` tells what its embeddings depend on.
    """

    def __init__(self, model: keras.Model, weights: str, precision: str):
        self.recipe = {"encoder": "InceptionV3", "weights": weights, "precision": precision}
        function = tf.function(lambda photos: model(tf.cast(photos, tf.float32) / 127.5 - 1, training=False))
        photos = tf.TensorSpec([None, IMG_SIZE, IMG_SIZE, 3], tf.uint8)
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(photos))
        self._input, self._output = frozen.inputs[0].name, frozen.outputs[0].name
        # A session of its own, because in eager mode the option for bfloat16 would hold for the decoder too.
        config = tf.compat.v1.ConfigProto()
        if precision == "bfloat16":
            rewriter = config.graph_options.rewrite_options
            rewriter.auto_mixed_precision_onednn_bfloat16 = type(rewriter).ON
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(frozen.graph.as_graph_def(), name="")
        self._session = tf.compat.v1.Session(graph=graph, config=config)

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        return self._session.run(self._output, {self._input: photos})


def get_cnn_encoder(weights: str = "drawn", precision: str = "auto") -> Encoder:
    """The encoder with the given weights: "drawn", "imagenet" (downloaded by Keras) or a .weights.h5 file.

    precision: "float32", "bfloat16", or "auto" for the fastest that this processor has.
    Raises FileNotFoundError or ValueError that names the file when the weights do not fit InceptionV3.
    """
    precision = _resolve_precision(precision)
    if weights == "drawn":
        return Encoder(_random_inception(seed=0), "random, seed 0", precision)
    if weights == "imagenet":
        return Encoder(_inception("imagenet"), "imagenet", precision)
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"CAPTION_ENCODER_WEIGHTS is {weights}: expected `drawn`, `imagenet` or a file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")      # Keras only warns of layers that the file does not have
            model = _inception(str(path))
    except Exception as error:                  # h5py and Keras raise many kinds for a file that is no weights
        raise ValueError(f"{path} does not hold weights of InceptionV3 without its classifier "
                         f"(include_top=False): {str(error).splitlines()[0]}") from None
    return Encoder(model, f"file, sha256 {files.sha256(path)}", precision)


def _inception(weights) -> keras.Model:
    return keras.applications.InceptionV3(
        include_top=False, pooling="avg", weights=weights, input_shape=(IMG_SIZE, IMG_SIZE, 3))


def _random_inception(seed: int) -> keras.Model:
    """InceptionV3 with random kernels, and batch statistics taken from drawn scenes.

    Kernels are He-normal (https://arxiv.org/abs/1502.01852). Without statistics that fit, all photos would get
    nearly the same embedding.
    """
    model, rng = _inception(None), np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            deviation = np.sqrt(2 / np.prod(layer.kernel.shape[:3]))
            layer.kernel.assign(rng.normal(0, deviation, layer.kernel.shape))
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0                  # the statistics of the last batch are taken as they are
    scenes = [drawn_world.draw(drawn_world.make_scene(rng), rng) for _ in range(32)]
    model(np.stack([center_crop(scene) for scene in scenes]) / np.float32(127.5) - 1, training=True)
    return model


def _resolve_precision(precision: str) -> str:
    if precision == "int8":
        raise ValueError("CAPTION_PRECISION=int8 is not there yet; expected auto, float32 or bfloat16.")
    if precision != "auto":
        return precision
    return "bfloat16" if _has_fast_bfloat16() else "float32"


def _has_fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX-512 BF16 or AMX); elsewhere it is slower."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    flags = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


# --------------------------------------------------------------------------------------------- trainer

# Settings that a run can't change on its way; epochs can.
SAME_ON_RESUME = ("batches_per_epoch", "batch_size", "max_len", "val_batches", "dropout", "learning_rate", "seed")


@dataclass(frozen=True)
class Data:
    """Embeddings of N photos, (N, 2048), and for each photo its captions as lists of vocabulary indices."""

    img_embeds: np.ndarray
    captions_indexed: list[list[list[int]]]


class Trainer:
    """Trains a decoder step by step, and writes a checkpoint after each epoch.

    decoder: has the symbolic tensors `img_embeds`, `sentences` (inputs) and `loss`.
    generate_batch(img_embeds, captions_indexed, batch_size, max_len, rng): a batch, as a dict of arrays by input.
    vocab: word -> index; kept in the checkpoint, so that weights and words never drift apart.
    recipe: of the embeddings; a checkpoint made from others is refused.
    """

    def __init__(self, decoder, generate_batch, train: Data, val: Data, vocab: dict, settings: Settings, recipe: dict):
        self.generate_batch, self.train, self.val = generate_batch, train, val
        self.vocab, self.settings, self.recipe = vocab, settings, recipe
        self.loss_model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
        self.optimizer = keras.optimizers.Adam(settings.learning_rate)
        self.optimizer.build(self.loss_model.trainable_variables)
        self.checkpoints = CheckpointFolder(settings.checkpoint_dir)
        self.step, self.history, self._losses, self.sample_caption = 0, [], [], None
        batch = [tf.TensorSpec([None, IMG_EMBED_SIZE], tf.float32), tf.TensorSpec([None, None], tf.int32)]
        self._train_step = tf.function(self._train_step, input_signature=batch)
        self._val_step = tf.function(
            lambda images, sentences: self.loss_model([images, sentences], training=False), input_signature=batch)

    def fit(self, sample_caption=None, show=None):
        """Trains up to settings.steps, from the newest checkpoint if there is one.

        sample_caption(): a caption written with the decoder as it is, kept in the history after each epoch.
        show(history): called at the start and after each epoch, to draw.
        Returns the history: a list of rows with step, epoch, train_loss and val_loss (nats per word), caption.
        """
        self.sample_caption, show = sample_caption, show or (lambda history: None)
        self.resume()
        show(self.history)
        bar = tqdm(total=self.settings.steps, initial=min(self.step, self.settings.steps), unit="step",
                   desc="Training")
        with bar:
            while self.step < self.settings.steps:
                self._losses.append(float(self._train_step(*self._batch(self.train, self.step))))
                self.step += 1
                bar.update()
                if self.step % 20 == 0:
                    bar.set_postfix(loss=f"{np.mean(self._losses[-100:]):.3f}")
                if self.step % self.settings.batches_per_epoch == 0:
                    self._end_epoch()
                    show(self.history)
        return self.history

    def val_loss(self) -> float:
        """Mean loss of settings.val_batches batches of validation captions, the same ones each time."""
        batches = (self._batch(self.val, step, stream=1) for step in range(self.settings.val_batches))
        return float(np.mean([self._val_step(*batch) for batch in batches]))

    def resume(self):
        """Takes over the newest whole checkpoint, if there is one. Raises ValueError when it does not fit."""
        checkpoint = self.checkpoints.newest()
        if checkpoint and checkpoint.about["step"] > self.step:
            self._restore(checkpoint)
            print(f"Going on from {checkpoint.path}, after {self.step:,} of {self.settings.steps:,} steps.")

    def restore_best(self) -> dict:
        """Gives the decoder the weights with the lowest validation loss; returns their row of the history."""
        checkpoint = self.checkpoints.best(self.history)
        self._set_arrays(self.loss_model.variables, "model", checkpoint)
        return next(row for row in self.history if row["step"] == checkpoint.about["step"])

    def _train_step(self, images, sentences):
        with tf.GradientTape() as tape:
            loss = self.loss_model([images, sentences], training=True)
        variables = self.loss_model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def _batch(self, data: Data, step: int, stream: int = 0):
        """The batch of a step: a function of (seed, stream, step), so that there is no iterator to save."""
        rng = np.random.default_rng([self.settings.seed, stream, step])
        batch = self.generate_batch(
            data.img_embeds, data.captions_indexed, self.settings.batch_size, self.settings.max_len, rng)
        return np.asarray(batch["img_embeds"], np.float32), np.asarray(batch["sentences"], np.int32)

    def _end_epoch(self):
        epoch_losses, self._losses = self._losses, []
        self.history.append({
            "step": self.step, "epoch": self.step // self.settings.batches_per_epoch,
            "train_loss": float(np.mean(epoch_losses)), "val_loss": self.val_loss(),
        })
        if self.sample_caption:
            self.history[-1]["caption"] = self.sample_caption()
        self.checkpoints.save(self.step, self._arrays(), self._about())

    def _about(self) -> dict:
        """What a checkpoint holds beside its arrays."""
        return {
            "step": self.step, "history": self.history, "settings": self.settings.as_dict(), "vocab": self.vocab,
            "recipe": self.recipe, "shapes": [list(variable.shape) for variable in self.loss_model.variables],
        }

    def _arrays(self) -> dict[str, np.ndarray]:
        """All that training changes: weights, the state of dropout's random numbers, and the optimizer's."""
        groups = {"model": self.loss_model.variables, "optimizer": self.optimizer.variables}
        return {f"{group}/{i:03d}": variable.numpy() for group, variables in groups.items()
                for i, variable in enumerate(variables)}

    def _restore(self, checkpoint):
        self._require_same(checkpoint)
        self._set_arrays(self.loss_model.variables, "model", checkpoint)
        self._set_arrays(self.optimizer.variables, "optimizer", checkpoint)
        self.step, self.history = checkpoint.about["step"], checkpoint.about["history"]

    def _set_arrays(self, variables, group, checkpoint):
        for i, variable in enumerate(variables):
            variable.assign(checkpoint.arrays[f"{group}/{i:03d}"])

    def _require_same(self, checkpoint):
        """A checkpoint of other words, photos, settings or layers is refused with both values."""
        there, here = checkpoint.about, json.loads(json.dumps(self._about()))
        pairs = [(name, there["settings"].get(name), here["settings"][name]) for name in SAME_ON_RESUME]
        pairs += [(f"embeddings' {key}", there["recipe"].get(key), here["recipe"][key]) for key in here["recipe"]]
        pairs += [("shapes of the decoder's weights", there["shapes"], here["shapes"]),
                  ("vocabulary", there["vocab"], here["vocab"])]
        different = [f"{name}: {str(theirs):.100} there, {str(mine):.100} here"
                     for name, theirs, mine in pairs if theirs != mine]
        if different:
            raise ValueError(
                f"The checkpoint {checkpoint.path} does not fit this run ({'; '.join(different)}). Set back what was "
                f"changed, or begin anew: delete {checkpoint.path.parent} or set CAPTION_CHECKPOINT_ROOT to another."
            )


def best_row(history) -> dict | None:
    """The history's row with the lowest validation loss."""
    return next((row for row in history if row["step"] == best_step(history)), None)
