# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Image captioning
#
# You will build a program that looks at a photo and says in a sentence what is on it. A convolutional network that
# already knows how to see turns each photo into 2,048 numbers; your own network learns to turn those numbers into
# words.
#
# Four exercises ask for code; the fifth, for a decoder that has learnt. Six checks give 100 points: 10 for each of the first three
# exercises, 20 and 20 for the decoder, 30 for its validation loss. A check says at once what is right and, if something is not, what to look at. The last
# thing you make is a gallery of 10 good and 10 bad captions, for your peers to review.
#
# Everything runs on a laptop without a GPU, in minutes on the drawn world that comes with the project. Whatever took long is kept on the
# disk: if the kernel dies, run all cells again and the notebook goes on where it was.

# %%
import os
import re
import sys
from collections import Counter
from pathlib import Path

if sys.version_info < (3, 10):
    raise RuntimeError(f"Python 3.10 or later is needed; this is {sys.version.split()[0]}.")

# The modules are in the project's folder, which is this one or one above.
PROJECT = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "keras_utils.py").is_file()), None)
if PROJECT is None:
    raise RuntimeError(f"keras_utils.py is neither in {Path.cwd()} nor above it: the notebook belongs in its project.")
os.chdir(PROJECT)
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")       # of TensorFlow's messages, only errors

import utils

utils.plot_encoder_decoder()

# %% [markdown]
# ## Set-up
#
# The versions that this project was made with are in `requirements.txt`. Others may do; if something behaves oddly,
# this is the first thing to compare.

# %%
import numpy as np
from IPython.display import display

with utils.hushed():
    import keras

    if int(keras.__version__.split(".")[0]) != 3:
        raise RuntimeError(f"Keras 3 is needed; this is {keras.__version__}: python -m pip install -r requirements.txt")
    import tensorflow as tf
    from keras import layers as L
    from keras import ops

import grading
import keras_utils

grading.short_errors()
for module in (tf, keras, np):
    print(module.__name__, module.__version__)

# %% [markdown]
# ## Settings
#
# All of them are here, and `captioning/settings.py` says a line of each. Set them from outside, `CAPTION_EPOCHS=3` in the environment before Jupyter
# starts, or in this cell: `utils.Settings.from_environment(epochs=3)`. After a change, restart the kernel and run all cells. The dataset is one of
#
# - `drawn`: a small world of drawn scenes that comes with the project. No network, a few minutes in all. Start here.
# - `coco2014`: the real thing, 123,287 photos of MSCOCO. About 20 GB to download.
# - `folder`: anything else in the same layout, in the folder that `data_dir` names.

# %%
settings = utils.Settings.from_environment()
print(settings)

# %% [markdown]
# ## Where checkpoints go
#
# Training writes a checkpoint after each epoch, and every five minutes. On a machine that forgets its disk (a hosted notebook, say), mount
# a drive that stays and name a folder on it, e.g. `CAPTION_CHECKPOINT_ROOT=/content/drive/MyDrive/captions`. This is what is computed and
# what is kept (N photos, B of them in a batch, T tokens of a caption):

# %%
settings.checkpoint_dir.mkdir(parents=True, exist_ok=True)
settings.output_dir.mkdir(parents=True, exist_ok=True)
print(f"Checkpoints go to {settings.checkpoint_dir}, results to {settings.output_dir}.")
utils.plot_data_flow()

# %% [markdown]
# ## The grader
#
# Checks run here, without network, on any dataset. To send your answers to the course on Coursera as well, run the notebook on MSCOCO: its
# service expects the vocabulary and the loss of that. You need the e-mail of your account and a submission token from the assignment's
# page. The last cell asks for them, or reads them from `CAPTION_GRADER_EMAIL` and `CAPTION_GRADER_TOKEN`. Never write them into a cell:
# notebooks get shared.

# %%
grader = grading.Grader(settings.dataset, url=settings.grader_url, assignment=settings.grader_assignment)

# %% [markdown]
# ## Data
#
# Photos stay inside their zip files, and so do the captions. Each photo has about five captions, each by another
# person. In the drawn world it is a program that wrote them: it knows what it drew, and chooses anew what to mention. Where this notebook
# speaks of people, it means that program then.
#
# Exercises 1 to 3 need words alone. For MSCOCO, `utils.load_dataset(settings, photos=False)` fetches the captions, 0.25 GB, and leaves
# out 20 GB of photos. Go on at *Captions* then, and pass over the cell that shows some photos.

# %%
train, val = utils.load_dataset(settings)
settings = settings.completed(train_photos=len(train.names))
print(f"{len(train.names):,} photos to learn from, {len(val.names):,} to validate on, "
      f"{sum(map(len, train.captions)) / len(train.names):.2f} captions each")
print(f"Training: {settings.epochs} epochs of {settings.batches_per_epoch:,} batches of {settings.batch_size} captions")

# %% [markdown]
# ## From photos to embeddings
#
# The encoder is InceptionV3 with its last layer, the classifier, taken off. What is left maps a photo to a vector of
# 2,048 numbers, its *embedding*. We do not train the encoder, so each photo needs to go through it only once: the
# embeddings are kept on the disk, and training reads them from there.
#
# InceptionV3 wants squares of 299 × 299 pixels. We cut the largest square from the middle of each photo and scale it.
#
# For photos, the weights are those that Keras offers, trained on ImageNet. They have never seen a drawing, and can't be had
# without network, so the drawn world has an encoder of its own: the same network, trained to tell what is in 16,000 other scenes of that
# world. None of the photos here was among them. The *recipe* below is what embeddings depend on; it is kept
# with them, and embeddings of another recipe are refused.

# %%
encoder = keras_utils.get_cnn_encoder(
    settings.encoder_weights, settings.precision, settings.encoder, calibration=train, cache_dir=settings.cache_dir)
IMG_SIZE, IMG_EMBED_SIZE = encoder.size, encoder.width                  # 299 and 2,048 for InceptionV3
encoder.recipe

# %%
train_embeddings = utils.embed_split(train, encoder, settings.cache_dir)
val_embeddings = utils.embed_split(val, encoder, settings.cache_dir)

# A photo that could not be read is left out, with its captions.
train, val = train.without(train_embeddings.skipped), val.without(val_embeddings.skipped)
train_img_embeds, val_img_embeds = train_embeddings.usable(), val_embeddings.usable()
print("training", train_img_embeds.shape, "validation", val_img_embeds.shape, train_img_embeds.dtype)

# %% [markdown]
# ## Captions
#
# `train_captions[i]` is the list of captions of photo `train_img_fns[i]`, and row `i` of `train_img_embeds` is its
# embedding.

# %%
train_img_fns, train_captions = train.names, train.captions
val_img_fns, val_captions = val.names, val.captions
print(train_captions[0])

# %%
train_photos, val_photos = utils.open_photos(train.photos), utils.open_photos(val.photos)

utils.plot_photos(
    [utils.decode_photo(train_photos.read(name)) for name in train_img_fns[:4]],
    ["\n".join(captions[:3]) for captions in train_captions[:4]])

# %% [markdown]
# ## Exercise 1: vocabulary
#
# A network works on numbers, so each word gets an index. Words that are rare can't be learnt from: keep those seen
# **5 times or more** in all training captions. Four tokens that are no words join them:
#
# | token | stands for |
# |---|---|
# | `#PAD#` | nothing: fills up shorter captions of a batch |
# | `#UNK#` | a word that is not in the vocabulary |
# | `#START#` | the beginning of a caption |
# | `#END#` | its end |

# %%
PAD, UNK, START, END = utils.PAD, utils.UNK, utils.START, utils.END


def split_sentence(sentence):
    """Lower-case words of a sentence, without punctuation."""
    return [word for word in re.split(r"\W+", sentence.lower()) if word]


print(*split_sentence(train_captions[0][0]), sep=", ")

# %%
def generate_vocabulary(train_captions):
    """Vocabulary of the training captions: {token: index}.

    train_captions: for each photo a list of captions (strings).
    Holds the words that occur 5 times or more in all captions together, and PAD, UNK, START, END.
    An index is the token's place in the sorted list of all tokens.
    """
    # BEGIN SOLUTION
    counts = Counter(
        word for captions in train_captions for caption in captions for word in split_sentence(caption))
    words = {word for word, count in counts.items() if count >= 5}
    return {token: index for index, token in enumerate(sorted(words | {PAD, UNK, START, END}))}
    # END SOLUTION


# %%
vocab = generate_vocabulary(train_captions)
vocab_inverse = {index: token for token, index in vocab.items()}
some = list(filter(str.isalpha, vocab))[7::max(1, len(vocab) // 12)]
print(f"{len(vocab):,} tokens, for instance", ", ".join(some))

# %%
grader.check_vocabulary(vocab, generate_vocabulary, train_captions)

# %% [markdown]
# ## Exercise 2: from words to indices
#
# Each caption becomes a list of indices: `START` first, then its words, `END` last. A word that the vocabulary does
# not have becomes `UNK`.

# %%
def caption_tokens_to_indices(captions, vocab):
    """Captions as lists of vocabulary indices.

    captions: for each photo a list of captions (strings).
    Returns for each photo a list of lists of Python ints: START, the words, END.
    """
    # BEGIN SOLUTION
    return [
        [[vocab[START], *(vocab.get(word, vocab[UNK]) for word in split_sentence(caption)), vocab[END]]
         for caption in photo_captions]
        for photo_captions in captions
    ]
    # END SOLUTION


# %%
train_captions_indexed = caption_tokens_to_indices(train_captions, vocab)
val_captions_indexed = caption_tokens_to_indices(val_captions, vocab)
print(train_captions[0][0])
print(train_captions_indexed[0][0])

# %%
grader.check_indexing(train_captions_indexed, vocab, caption_tokens_to_indices)

# %% [markdown]
# ## Exercise 3: batches
#
# Captions differ in length, but a batch is a matrix. Shorter captions are filled up on the right with `PAD`. The matrix
# is as wide as the longest caption, or `max_len` if that is less; of longer captions only the first `max_len` tokens
# stay, so their `END` is lost.

# %%
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    """Captions of a batch as a matrix.

    batch_captions: B lists of indices. pad_idx: index that fills up.
    Returns (B, T) integers, where T is the length of the longest caption, but at most max_len if that is given.
    """
    # BEGIN SOLUTION
    width = max(map(len, batch_captions))
    if max_len is not None:
        width = min(width, max_len)
    matrix = np.full((len(batch_captions), width), pad_idx, dtype=np.int32)
    for row, caption in zip(matrix, batch_captions):
        row[:len(caption)] = caption[:width]
    return matrix
    # END SOLUTION


# %%
print(batch_captions_to_matrix([[1, 2, 3], [4, 5]], -1))

# %%
grader.check_batching(batch_captions_to_matrix)

# %% [markdown]
# A training batch takes some photos at random, and for each of them one of its captions.

# %%
def generate_batch(images_embeddings, indexed_captions, batch_size, max_len=None, rng=np.random):
    """A random batch, as a dict of the decoder's inputs.

    images_embeddings: (N, 2048). indexed_captions: for each photo a list of captions as lists of indices.
    rng: where the random numbers come from; a NumPy Generator, or NumPy's global generator.
    Returns {"img_embeds": (B, 2048) float32, "sentences": (B, T) int32}.
    """
    rows = rng.choice(len(images_embeddings), min(batch_size, len(images_embeddings)), replace=False)
    picks = rng.random(len(rows))
    of_photos = [indexed_captions[row] for row in rows]
    captions = [captions[int(pick * len(captions))] for captions, pick in zip(of_photos, picks)]
    return {
        "img_embeds": np.asarray(images_embeddings[rows], np.float32),
        "sentences": batch_captions_to_matrix(captions, vocab[PAD], max_len),
    }


print(generate_batch(train_img_embeds, train_captions_indexed, 3, rng=np.random.default_rng(0))["sentences"])

# %% [markdown]
# ## Exercise 4: the decoder
#
# The decoder is an LSTM that writes a caption word by word. The photo's embedding sets its first state; at each step
# it reads a word and gives a probability to every word that might come next: one number for each word, a *logit*, which softmax turns into
# probabilities. In training it reads the **true** words
# whatever it would have said itself. This is *teacher forcing*: each step is then an exercise of its own, and all steps of
# a caption are learnt at once.

# %%
utils.plot_teacher_forcing()

# %% [markdown]
# So the inputs are all tokens of a caption but the last, and the targets are all but the first. To compare them, the
# batch and the time steps are put into one long row ("flat"). Where the target is `PAD` there is nothing to learn: a
# *mask* takes those places out of the loss.

# %%
utils.plot_flatten_and_mask()

# %% [markdown]
# Below, `keras.Input`s stand for a batch of any size, and calling a layer on them gives another such symbol, with a
# shape but no values yet. Write one line for each name, with the layers given; the check looks for each of them:
#
# | name | what it is | shape |
# |---|---|---|
# | `h0`, `c0` | first state of the LSTM, both from the image: `image`, through `img_embed_to_bottleneck`, then `img_embed_bottleneck_to_h0` | (B, 300) |
# | `word_embeds` | embeddings of all words of `sentences` but the last | (B,&nbsp;T−1,&nbsp;100) |
# | `hidden_states` | outputs of the LSTM for `word_embeds`, begun in the state `[h0, c0]` | (B,&nbsp;T−1,&nbsp;300) |
# | `flat_hidden_states` | the same, through `dropout`, in one long row | (B·(T−1),&nbsp;300) |
# | `flat_token_logits` | logits of the next word: through `token_logits_bottleneck`, then `token_logits` | (B·(T−1), V) |
# | `flat_ground_truth` | all words of `sentences` but the first, in one long row | (B·(T−1),) |
# | `flat_loss_mask` | 1.0 where the ground truth is a word, 0.0 where it is `PAD` | (B·(T−1),) |
# | `loss` | mean cross-entropy of the words that are not `PAD` | () |
#
# `ops.reshape`, `ops.cast`, `ops.not_equal`, `ops.sum` and `keras.losses.sparse_categorical_crossentropy(..., from_logits=True)` are of use.
#
# Three layers are there to learn more from little data. `standardize` brings each of the 2,048 numbers to mean 0 and
# variance 1, so that the bottleneck sees all of them equally. `image_dropout` hides a part of these numbers in training (nothing
# at captioning), and `dropout` a part of each hidden state, so that the decoder can't rely on single ones and learn photos by heart.
# On 2,063 photos of MSCOCO, `image_dropout` of a half took the validation loss from 2.93 to 2.81. A *bottleneck* is a layer narrower than
# what it leads to, which saves weights: 120 numbers for each word of the vocabulary, not 300.

# %%
IMG_EMBED_BOTTLENECK = 120
WORD_EMBED_SIZE = 100
LSTM_UNITS = 300
LOGIT_BOTTLENECK = 120

keras.utils.set_random_seed(settings.seed)              # for the layers' initial weights


class decoder:
    """The decoder's symbolic tensors and layers. B: photos, T: tokens of a caption, V: vocabulary."""

    img_embeds = keras.Input((IMG_EMBED_SIZE,), name="img_embeds")                  # (B, 2048)
    sentences = keras.Input((None,), dtype="int32", name="sentences")               # (B, T)

    standardize = L.BatchNormalization(center=False, scale=False)
    image_dropout = L.Dropout(settings.image_dropout, seed=settings.seed)
    img_embed_to_bottleneck = L.Dense(IMG_EMBED_BOTTLENECK, activation="elu")
    img_embed_bottleneck_to_h0 = L.Dense(LSTM_UNITS, activation="elu")
    word_embed = L.Embedding(len(vocab), WORD_EMBED_SIZE)
    lstm = L.LSTM(LSTM_UNITS, return_sequences=True)
    dropout = L.Dropout(settings.dropout, seed=settings.seed)
    token_logits_bottleneck = L.Dense(LOGIT_BOTTLENECK, activation="elu")
    token_logits = L.Dense(len(vocab))

    image = image_dropout(standardize(img_embeds))                                  # (B, 2048)
    # BEGIN SOLUTION
    h0 = c0 = img_embed_bottleneck_to_h0(img_embed_to_bottleneck(image))            # (B, 300)
    word_embeds = word_embed(sentences[:, :-1])                                     # (B, T-1, 100)
    hidden_states = lstm(word_embeds, initial_state=[h0, c0])                       # (B, T-1, 300)
    flat_hidden_states = ops.reshape(dropout(hidden_states), [-1, LSTM_UNITS])      # (B*(T-1), 300)
    flat_token_logits = token_logits(token_logits_bottleneck(flat_hidden_states))   # (B*(T-1), V)
    flat_ground_truth = ops.reshape(sentences[:, 1:], [-1])                         # (B*(T-1),)
    flat_loss_mask = ops.cast(ops.not_equal(flat_ground_truth, vocab[PAD]), "float32")
    cross_entropy = keras.losses.sparse_categorical_crossentropy(
        flat_ground_truth, flat_token_logits, from_logits=True)                     # (B*(T-1),)
    loss = ops.sum(cross_entropy * flat_loss_mask) / ops.sum(flat_loss_mask)        # ()
    # END SOLUTION


# %%
grader.check_decoder_shapes(decoder, vocab)

# %% [markdown]
# The loss is the mean of -ln p, where p is the probability given to the true word, and counts in *nats*: a loss of 1 is that of
# hesitating between e = 2.7 words, all equally likely. A decoder that knows nothing gives each of the V words about the same
# probability, so its loss is about ln V. It is a good habit to look at this number before training: it finds a wrong mask or a
# softmax too many in a second.

# %%
grader.check_untrained_loss(decoder, vocab)

# %% [markdown]
# ## The decoder at captioning time
#
# There is no true caption to read now: the decoder reads the word that it wrote itself a moment before. The same layers
# with the same weights, put together for one step.

# %%
class final_model:
    """The decoder's layers at captioning time."""

    initial_state = keras.Model(decoder.img_embeds, [decoder.h0, decoder.c0])       # (B, 2048) -> [h, c]

    word = keras.Input((), dtype="int32", name="word")                              # (B,)
    h = keras.Input((LSTM_UNITS,), name="h")
    c = keras.Input((LSTM_UNITS,), name="c")
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])         # (B, 300)
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))           # (B, V)
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])


writer = keras_utils.CaptionWriter(
    final_model.initial_state, final_model.one_step, vocab, settings.max_len, recipe=train_embeddings.recipe)
print("untrained:", writer.greedy(val_img_embeds[:1])[0])

# %% [markdown]
# ## Training
#
# `settings.batches_per_epoch` batches make an epoch. After each one, the losses are drawn, one fixed photo gets a
# caption, and a checkpoint is written; every few minutes too. Interrupt it whenever you like: this cell goes on exactly where
# it was.
#
# Two things make it fast, with your layers and your loss. Much of the time goes into the logits, a number for each word of the
# vocabulary at each place of a caption: they are computed where there is a word, not where there is padding. And your
# `generate_batch` draws for four steps at once; what it drew is then divided by length, so that the LSTM reads less padding. Each
# caption has the chance that it had.
#
# From step to step the weights jitter around better ones. So captions are written, and the validation loss is taken, with an average over
# about the last quarter of all steps (polynomial-decay averaging, [Shamir & Zhang 2013](https://arxiv.org/abs/1212.1824)). This, and
# dropout, which rests in validation, is why the validation loss may lie below that of training.
#
# Before the first step, a pre-flight: what can't learn 50 captions by heart won't learn a dataset. It takes seconds, and is then
# forgotten.

# %%
trainer = keras_utils.Trainer(
    decoder, generate_batch, keras_utils.Data(train_img_embeds, train_captions_indexed),
    keras_utils.Data(val_img_embeds, val_captions_indexed), vocab, settings,
    train_embeddings.recipe, models=writer.models)
if not trainer.checkpoints.paths():
    print(trainer.preflight())

fixed = min(7, len(val_img_fns) - 1)                     # a validation photo to watch
picture = utils.TrainingPicture(utils.decode_photo(val_photos.read(val_img_fns[fixed])))
history = trainer.fit(
    sample_caption=lambda: str(writer.greedy(val_img_embeds[[fixed]])[0]), show=picture.show)
utils.write_json(settings.output_dir / "history.json", history)

# %% [markdown]
# From here on we use the weights of the epoch with the lowest validation loss.

# %%
best = trainer.restore_best()
print(f"Best after epoch {best['epoch']}: validation loss {best['val_loss']:.3f} nats per word.")

# %% [markdown]
# ## Exercise 5: validation loss
#
# Nothing to write here: the check takes the loss of your trained decoder on 1,000 batches of validation captions (the trainer took
# `settings.val_batches`, so its figure differs a little). It must be clearly lower than what a table gets that only knows which word follows
# which, and clearly higher when each caption gets the photo of another: a decoder that ignores photos fails. If it does not pass, look
# once more at the decoder, or train longer.
#
# Is the decoder another one now? What was learnt belongs to the one before: delete the folder of checkpoints named above, and run the
# notebook again from the decoder's cell on. To train longer, raise `epochs` in the settings, restart the kernel and run all cells: training goes
# on where it ended.

# %%
grader.check_validation_loss(decoder, generate_batch, val_img_embeds, val_captions_indexed)

# %% [markdown]
# How often is the most probable next word the true one? About half the time is a good value for MSCOCO: after "a man
# riding a", several words are right. In the drawn world, where fewer things can be said, it is more.

# %%
next_word = keras.Model([decoder.img_embeds, decoder.sentences],
                        [decoder.flat_token_logits, decoder.flat_ground_truth, decoder.flat_loss_mask])
batch = generate_batch(
    val_img_embeds, val_captions_indexed, 256, settings.max_len, np.random.default_rng(0))
logits, truth, mask = next_word([batch["img_embeds"], batch["sentences"]], training=False)
accuracy = np.mean(ops.equal(ops.argmax(logits, axis=1), ops.cast(truth, "int64")), where=ops.cast(mask, bool))
print(f"next-word accuracy on validation captions, true words given: {accuracy:.3f}")

# %% [markdown]
# ## Writing captions
#
# `generate_caption` writes one caption step by step, in plain Python, so that you can see all of it. The *temperature* `t`
# sharpens (t < 1) or flattens (t > 1) the probabilities before a word is drawn.

# %%
def generate_caption(image, t=1, sample=False, max_len=20):
    """Caption of one photo, as a list of tokens from START on.

    image: (299, 299, 3) uint8 centre crop. sample: draw each word instead of taking the most probable one.
    t: temperature of the draw; higher is more daring. max_len: most words.
    """
    embedding = encoder(image[None])                                                # (1, 2048)
    h, c = final_model.initial_state(embedding)
    caption = [START]
    while caption[-1] != END and len(caption) <= max_len:
        logits, h, c = final_model.one_step([tf.constant([vocab[caption[-1]]]), h, c])
        logits = np.array(logits[0], np.float64)
        logits[[vocab[PAD], vocab[UNK], vocab[START]]] = -np.inf                    # never written
        probabilities = np.exp((logits - logits.max()) / t)
        probabilities /= probabilities.sum()
        index = np.random.choice(len(vocab), p=probabilities) if sample else probabilities.argmax()
        caption.append(vocab_inverse[int(index)])
    return caption


def apply_model_to_image_raw_bytes(raw):
    """Shows a photo, given as the bytes of a JPEG, PNG ... file, with its caption."""
    photo = utils.decode_photo(raw)
    tokens = generate_caption(utils.center_crop(photo, IMG_SIZE))
    caption = " ".join(token for token in tokens if token not in (START, END))
    return utils.plot_photos([photo], [caption], columns=1)


def show_valid_example(val_img_fns, example_idx=0):
    """Shows a validation photo with its caption."""
    return apply_model_to_image_raw_bytes(val_photos.read(val_img_fns[example_idx]))


show_valid_example(val_img_fns, example_idx=1)

# %% [markdown]
# What the temperature does to the second word of this photo's caption, given the first:

# %%
first_word = (*writer.greedy(val_img_embeds[[1]])[0].words, END)[0]
h, c = final_model.initial_state(np.float32(val_img_embeds[[1]]))
_, h, c = final_model.one_step([tf.constant([vocab[START]]), h, c])
logits, _, _ = final_model.one_step([tf.constant([vocab[first_word]]), h, c])
print(f"after “{first_word}”:")
utils.plot_temperature(np.array(ops.softmax(logits[0])), list(vocab))

# %% [markdown]
# A word that is drawn against the odds takes the rest of the caption along. Here are some of 50 captions drawn at each temperature:

# %%
samples = {t: writer.sample(np.repeat(val_img_embeds[[1]], 50, axis=0), temperature=t, seed=1) for t in (0.3, 0.7, 1, 1.5)}
utils.plot_captions_by_temperature(utils.decode_photo(val_photos.read(val_img_fns[1])), samples, val_captions[1])

# %% [markdown]
# `writer` does the same for many photos at once, in one compiled graph. *Greedy* takes the most probable word at each step. *Sampling* draws.
# *Beam search* follows the best three beginnings at once and keeps the caption that is most probable as a whole, for its length.
#
# `no_repeat=2` lets no pair of words come twice in a caption: what is probable next often is what was said already ("a cat and a cat").

# %%
last = min(8, len(val_img_fns))
shown = range(max(0, last - 6), last)
ways = {
    "greedy": writer.greedy(val_img_embeds[list(shown)]),
    "beam of 3": writer.beam(val_img_embeds[list(shown)], width=3, no_repeat=2),
    "t = 0.7": writer.sample(val_img_embeds[list(shown)], temperature=0.7, seed=1),
    "t = 1.5": writer.sample(val_img_embeds[list(shown)], temperature=1.5, seed=1),
}
utils.plot_photos(
    [utils.decode_photo(val_photos.read(val_img_fns[i])) for i in shown],
    ["\n".join(f"{way}: {captions[i]}" for way, captions in ways.items()) for i in range(len(shown))],
    columns=3)

# %% [markdown]
# ## Fine-tuning on the score itself
#
# Up to now the decoder has learnt to guess the next word of captions that people wrote. What we want is something else: a caption
# that is right as a whole, when the decoder writes all of it. *Self-critical* fine-tuning ([Rennie et al.
# 2017](https://arxiv.org/abs/1612.00563)) trains just that. For each photo five captions are drawn and scored against those of people,
# by CIDEr, which the next section explains; those that beat the mean of the other four become more probable, and the
# rest less.
#
# It has a price. The decoder is then surer of what it says, so draws vary less, and it guesses people's words worse: its validation loss
# rises. On 2,063 photos of MSCOCO it rose from 2.8 to 4.6, while CIDEr of greedy captions went from 0.48 to 0.60. And captions that say more can be
# wrong in more, which CIDEr hardly notices: look at the photos below.
#
# The bar shows the loss, which is minus the mean score of what was drawn. The cells above are meant for the weights before;
# `trainer.restore_best()` brings them back. With `self_critical_epochs=0` in the settings, or on MSCOCO if you don't ask for it, this step is left out.

# %%
train_words = [[split_sentence(c) for c in cs] for cs in train_captions]
val_words = [[split_sentence(c) for c in cs] for cs in val_captions]

if settings.self_critical_epochs:
    before = writer.greedy(val_img_embeds[list(shown)])
    tuner = keras_utils.SelfCritical(trainer, decoder, writer, utils.cider_reward(train_words), utils.CiderD(val_words))
    tuner.fit()
    tuned = tuner.restore_best()
    print(f"CIDEr of greedy captions: {-tuner.history[0]['val_loss']:.3f} before, {-tuned['val_loss']:.3f} after "
          f"epoch {tuned['epoch']} of {tuner.history[-1]['epoch']}.")
    after = writer.greedy(val_img_embeds[list(shown)])
    display(utils.plot_photos(
        [utils.decode_photo(val_photos.read(val_img_fns[i])) for i in shown],
        [f"before: {old}\nafter: {new}" for old, new in zip(before, after)], columns=3))

# %% [markdown]
# ## How good are they?
#
# All validation photos get a caption by beam search, compared with what people wrote. BLEU-n counts runs of n words
# in common, ROUGE-L the longest common subsequence, and CIDEr weighs words by how much they tell about a photo: "a"
# counts next to nothing. The scorers are those of the MSCOCO challenge; words are split by `split_sentence`, which differs a little from the
# challenge's own tokenizer on real captions. An interval says how much a score would vary with other photos of the same kind: it is
# made by drawing the photos again and again with replacement (the bootstrap).

# %%
written = writer.beam(val_img_embeds, width=3, no_repeat=2)
captions = {name: list(caption.words) for name, caption in zip(val_img_fns, written)}
references = {name: [split_sentence(c) for c in cs] for name, cs in zip(val_img_fns, val_captions)}

by_beam = utils.score_captions(captions, references, decoding="beam search, width 3, no pair of words twice")
greedy = writer.greedy(val_img_embeds)
by_greedy = utils.score_captions(
    {name: list(caption.words) for name, caption in zip(val_img_fns, greedy)}, references)
utils.ScoreTable({"beam of 3": by_beam, "greedy": by_greedy})

# %% [markdown]
# A score means little by itself. Three that stand beside it: the caption that people wrote most often, for every photo; the caption of the
# training photo with the most similar embedding; and people, one reference of each photo compared with its others. That leaves people a
# reference fewer to meet than the captions had, so the last row is ours against the very same references.
#
# More CIDEr than people? That is no better caption. CIDEr rewards the wording that most references share, and fine-tuning was on CIDEr;
# one person mentions what nobody else did.

# %%
most_frequent = utils.most_frequent_caption(train_words)
nearest = utils.nearest_photo_captions(train_img_embeds, train_captions, val_img_embeds)
baselines = {
    "the most frequent caption": utils.score_captions(
        dict.fromkeys(val_img_fns, most_frequent), references, decoding="the most frequent caption"),
    "caption of the nearest photo": utils.score_captions(
        {name: split_sentence(c) for name, c in zip(val_img_fns, nearest)}, references,
        decoding="caption of the nearest photo"),
}
as_people = {}
_, others = utils.hold_out_reference(references)       # what people are compared with
if others:                                                  # none where each photo has one caption
    baselines["people"] = utils.human_agreement(references)
    as_people["beam of 3, as people"] = utils.score_captions(
        {name: captions[name] for name in others}, others, decoding=by_beam.decoding)
utils.ScoreTable({"beam of 3": by_beam, **baselines, **as_people})

# %% [markdown]
# Retrieval is the baseline to beat: does the decoder say more than the nearest training photo's caption would? Both were scored on the
# same photos, so their difference has an interval of its own.

# %%
above_nearest = utils.cider_difference(by_beam, baselines["caption of the nearest photo"])
above_nearest

# %% [markdown]
# Good scores can hide a model that says the same few things of all photos.

# %%
diversity = utils.caption_diversity(captions, train_words)
diversity

# %% [markdown]
# Papers split words with the challenge's own tokenizer, which is a Java program, and report METEOR too, which counts synonyms and stems
# as matches. With Java on this machine, these are the numbers to put beside theirs; without it, nothing else is missing. (In the drawn world
# both ways to split words give the same, so METEOR alone is new there.)

# %%
sentences = dict(zip(val_img_fns, val_captions))
to_compare = {
    "beam of 3": captions,
    "greedy": {name: caption.words for name, caption in zip(val_img_fns, greedy)},
    "caption of the nearest photo": dict(zip(val_img_fns, nearest)),
    "the most frequent caption": dict.fromkeys(val_img_fns, most_frequent),
}
as_in_papers = {}
try:
    for label, texts in to_compare.items():
        decoding, extra = (by_beam.decoding, utils.JAVA_METRICS) if texts is captions else (label, ())
        as_in_papers[label] = utils.score_captions(texts, sentences, "ptb", decoding, extra=extra)
    if others:
        as_in_papers["people"] = utils.human_agreement(sentences, "ptb")
        _, other_sentences = utils.hold_out_reference(sentences)
        as_in_papers["beam of 3, as people"] = utils.score_captions(
            {name: captions[name] for name in other_sentences}, other_sentences, "ptb", by_beam.decoding)
    display(utils.ScoreTable(as_in_papers))
    print(utils.cider_difference(as_in_papers["beam of 3"], as_in_papers["caption of the nearest photo"]))
except utils.NoJavaScore as reason:
    print(reason)

# %% [markdown]
# The results go to files: captions in MSCOCO's format, and the scores with what they depend on.

# %%
utils.write_json(settings.output_dir / "val_captions.json", [
    {"image_id": image_id, "caption": " ".join(captions[name])}
    for image_id, name in zip(val.image_ids, val_img_fns)])
utils.write_json(settings.output_dir / "metrics.json", {
    "beam": by_beam.as_dict(), "greedy": by_greedy.as_dict(), "diversity": diversity.as_dict(),
    "above_nearest_photo": above_nearest.as_dict(),
    "baselines": {name: scores.as_dict() for name, scores in (baselines | as_people).items()},
    "as_in_papers": {name: scores.as_dict() for name, scores in as_in_papers.items()},
    "training": best | {"next_word_accuracy": float(accuracy)},
    "fine_tuning": tuner.history if settings.self_critical_epochs else [], "settings": settings.as_dict(),
})
print(f"val_captions.json and metrics.json are in {settings.output_dir}.")

# %% [markdown]
# ## Why this caption?
#
# A score says how good a caption is, not how it came about. Three questions to one that went wrong: Was the right word among the runners-up?
# Then the decoder had the idea and was not sure of it. Was it in a caption that beam search threw away? Then the search
# chose badly. Do the nearest training photos show something else than this one? Then the encoder sees them alike, and
# no decoder can tell them apart. Here they are asked of the photo with the lowest CIDEr. Look at some more: write a number in its place.

# %%
looked_at = val_img_fns.index(min(val_img_fns, key=by_beam.by_photo("CIDEr").get))

embedding = val_img_embeds[[looked_at]]
beams = writer.beams(embedding, width=3, no_repeat=2)[0]
nearest_rows, cosines = utils.nearest_photos(train_img_embeds, embedding, count=min(3, len(train_img_fns)))
utils.plot_explanation(
    utils.decode_photo(val_photos.read(val_img_fns[looked_at])), beams, writer.next_words(embedding[0], beams[0]),
    [(utils.decode_photo(train_photos.read(train_img_fns[row])), cosine, train_captions[row][:2])
     for row, cosine in zip(nearest_rows[0], cosines[0])],
    val_captions[looked_at])

# %% [markdown]
# And which photos does it describe alike, though people describe them differently? For each pair of photos, take the share of words that their
# two captions have in common, minus the share that their references have in common,
#
# $$\frac{|c_1 \cap c_2|}{|c_1 \cup c_2|} - \frac{|r_1 \cap r_2|}{|r_1 \cup r_2|},$$
#
# without words like "a" and "on". Then ask: is one of the captions wrong, or are both only too general? The cosine of the angle between two
# embeddings is 1 where the encoder sees the photos alike; where it is low, the decoder made the same of different things.

# %%
from sklearn.metrics.pairwise import cosine_similarity

row_of = {name: row for row, name in enumerate(val_img_fns)}


def of_photo(name):
    """A photo, what the model said of it, and what people wrote."""
    return utils.decode_photo(val_photos.read(name)), " ".join(captions[name]), val_captions[row_of[name]][:3]


def in_common(pair):
    """How alike two confused photos are to the model, to people and to the encoder."""
    cosine = cosine_similarity(val_img_embeds[[row_of[pair.first], row_of[pair.second]]])[0, 1]
    return f"in common: {pair.captions:.0%} of the captions’ words, {pair.references:.0%} of people’s; cosine {cosine:.2f}"


confused = utils.confused_photos(captions, references, n=4)
utils.plot_confusions([(of_photo(pair.first), of_photo(pair.second), in_common(pair)) for pair in confused])

# %% [markdown]
# ## Your gallery
#
# For peer review, choose 10 photos whose captions fit and 10 whose captions fail. Here are some to choose from, ranked
# by their scores and by how sure the decoder was. Scores are no judges: a caption may be right in words that nobody
# else used, and wrong with a good score. Look at the photos.

# %%
probabilities = {name: caption.word_probabilities for name, caption in zip(val_img_fns, written)}
confidence = {name: utils.caption_confidence(p) for name, p in probabilities.items()}
proposal = utils.propose_examples(val_img_fns, captions, references, by_beam, confidence, n=16)


def caption_photo(photo):
    """Words for a photo of your own, and the probability of each."""
    [caption] = writer.beam(encoder(utils.center_crop(photo, IMG_SIZE)[None]), width=3, no_repeat=2)
    return caption.words, caption.word_probabilities


album = utils.Album(proposal, val_photos.read, captions, dict(zip(val_img_fns, val_captions)), by_beam,
              probabilities, caption_photo)
album.sheet(good=True)

# %%
album.sheet(good=False)

# %% [markdown]
# Now choose. Name each photo by its number; one of the second sheet may well be good, and one of the first bad. Say for each bad one why
# it fails, in your own words or by one of these reasons. Those on the sheet are a program's guesses from the words alone, and some are wrong:

# %%
for reason, meaning in utils.REASONS.items():
    print(f"{reason:18}{meaning}")

# %% [markdown]
# Photos of your own are welcome too: write the path of a file instead of a number. They get a caption now, but no score, since nobody has
# described them.

# %%
# The program's choice stands here until you make yours, for instance
# my_good = [1, 2, 5, "holiday.jpg"] and my_bad = {17: "wrong count", 21: "a bird, not a kite"}
my_good = [candidate.name for candidate in proposal.good[:10]]
my_bad = {candidate.name: candidate.hint for candidate in proposal.bad[:10]}

choice = album.choose(my_good, my_bad)
choice

# %%
fine_tuning = ", then fine-tuned on CIDEr" if settings.self_critical_epochs else ""
wrote = " What stands here as written by people, the program wrote that drew the photos." if settings.dataset == "drawn" else ""
utils.write_gallery(
    settings.output_dir / "gallery.html", choice.good, choice.bad, scores=by_beam, baselines=baselines | as_people,
    about=f"Learnt from {len(train_img_fns):,} photos of the dataset “{settings.dataset}” in "
          f"{best['step']:,} steps{fine_tuning}. Captions by beam search of width 3.{wrote}")
figure = utils.plot_gallery(choice.good, choice.bad)
with utils.written_aside(settings.output_dir / "gallery.png") as aside:
    figure.savefig(aside, format="png")
figure

# %% [markdown]
# For peer review hand in `gallery.html` from the folder of results: one file that needs nothing else. Reviewers ask of each photo: is the
# caption's verdict, good or bad, right? Does the reason say what is wrong? Do the bad ones fail in different ways?

# %% [markdown]
# ## Your own photo
#
# Any photo will do: the path of a file, or one that you choose with the button. A decoder that learnt from drawn scenes knows drawn
# scenes only.

# %%
my_photo = None                                          # for instance "holiday.jpg"

if my_photo:
    utils.show_photo_file(my_photo, apply_model_to_image_raw_bytes)
else:
    utils.photo_chooser(apply_model_to_image_raw_bytes)

# %% [markdown]
# ## Submission
#
# All six parts, as checked above. Their points, and nothing else of yours, also go to `outputs/grades.json`.

# %%
grader.save(settings.output_dir / "grades.json")
grader.table()

# %% [markdown]
# To send them to the course on Coursera, set `submit_now` and run the cell. It asks for your e-mail and token if the environment does not have
# them. Its service expects the answers of MSCOCO.

# %%
submit_now = False

if submit_now:
    display(grader.submit())
