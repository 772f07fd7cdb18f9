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
# ![Three scenes, each with the sentence that a trained decoder wrote about it](docs/notebook/captions.png)
#
# In this project you build a program that looks at a photo and writes a sentence about it. A convolutional network, InceptionV3,
# already knows how to see: it turns each photo into 2,048 numbers. Your own network, an LSTM, learns to turn those numbers into
# words.
#
# ![The encoder makes an embedding; the decoder writes word by word](docs/notebook/encoder_decoder.png)
#
# Write your code where a cell says `YOUR CODE HERE`. Four exercises ask for code; for the fifth you train. Six checks give 100
# points and say at once what is wrong. At the end you choose 10 good and 10 bad captions for a gallery, which your peers
# review.
#
# *Run All* stops at the first exercise without a solution: scroll up to its message. What took long is kept on the disk: if the
# kernel dies, run all cells again, and the notebook goes on where it was.

# %% [markdown]
# ## Photos and their captions
#
# We start with a small world of drawn scenes, without a download. Each photo has about five captions, each by another
# person; in the drawn world a program wrote them.

# %%
import os
import sys
from pathlib import Path

if sys.version_info < (3, 10):
    raise RuntimeError(f"Python 3.10 or later is needed; this is {sys.version[:6]}.")

# The modules are in the project's folder, which is this one or one above.
folders = Path.cwd(), *Path.cwd().parents
PROJECT = next((f for f in folders if (f / "keras_utils.py").is_file()), None)
if PROJECT is None:
    raise RuntimeError(f"keras_utils.py is neither in {Path.cwd()} nor above it. "
                       "Open the notebook in its project's folder.")
os.chdir(PROJECT)
sys.path.insert(0, str(PROJECT))

import utils

if not os.path.samefile(utils.__file__ or ".", "utils.py"):
    raise ImportError(
        f"`utils` is {utils.__file__}, which this kernel imported before. "
        "Restart the kernel, and run this cell first.")

settings = utils.Settings.from_environment()
print("Dataset:", settings.dataset)

# %%
train_all, val_all = utils.load_dataset(settings)
train_photos = utils.open_photos(train_all.photos)
val_photos = utils.open_photos(val_all.photos)
print(f"{len(train_all.names):,} photos to learn from,",
      f"{len(val_all.names):,} to validate on")

some = utils.readable_photos(train_photos, train_all.names, 4)
captions_of = dict(zip(train_all.names, train_all.captions))
utils.plot_photos(
    list(some.values()), ["\n".join(captions_of[name][:3]) for name in some],
    title="Photos, and what people wrote about them")

# %% [markdown]
# ## Set-up and settings
#
# `docs/settings.md` explains all settings. Set them in the environment (`CAPTION_EPOCHS=3`) before Jupyter starts, or above:
# `utils.Settings.from_environment(epochs=3)`. Then restart the kernel and run all cells. `dataset` is one of
#
# - `drawn`: the drawn scenes, a few minutes in all;
# - `coco_small`, `flickr8k`: 5,000 and 8,091 real photos, 1.1 GB to download;
# - `coco2014`, `coco2017`: MSCOCO, 123,287 real photos, 20 GB to download;
# - `folder`: your own photos and captions, in the folder `data_dir`.
#
# Checkpoints go into `checkpoint_root`. On a machine that forgets its disk, such as a hosted notebook, name a folder on a
# drive that stays.

# %%
from collections import Counter

import numpy as np
from IPython.display import display

with utils.hushed():                                    # without TensorFlow's greetings
    import keras
    import tensorflow as tf
    from keras import layers as L
    from keras import ops

import grading
import keras_utils

grading.short_errors()
grader = grading.Grader(
    settings.dataset, url=settings.grader_url, assignment=settings.grader_assignment)
settings = settings.completed(train_photos=len(train_all.names))
print(settings)

# %% [markdown]
# ## From photos to embeddings
#
# The *encoder* is InceptionV3 without its last layer, the classifier. It maps a photo to 2,048 numbers, the photo's *embedding*.
# It wants squares of 299 × 299 pixels, so we take the largest square in the middle of a photo and scale it. We do not train
# the encoder: each photo goes through it once, and its embedding is kept on the disk.
#
# For photos, its weights were trained on ImageNet; for drawn scenes, on 16,000 other scenes. The *recipe* is all that embeddings
# depend on. It is saved with them, and embeddings of another recipe are refused.

# %%
encoder = keras_utils.get_cnn_encoder(
    settings.encoder_weights, settings.precision, settings.encoder,
    calibration=train_all, cache_dir=settings.cache_dir)
IMG_SIZE, IMG_EMBED_SIZE = encoder.size, encoder.width               # 299 and 2,048

train_embeddings = utils.embed_split(train_all, encoder, settings.cache_dir)
val_embeddings = utils.embed_split(val_all, encoder, settings.cache_dir)
encoder.recipe

# %% [markdown]
# From here on, row `i` of `train_img_embeds` is the embedding of the photo `train_img_fns[i]`, and `train_captions[i]` is the
# list of its captions. A photo that can't be read is left out of all three.
#
# What does the encoder see alike? This map, made by t-SNE, puts photos with similar embeddings side by side. Look at one place: what
# do its photos have in common, and what does the encoder overlook?

# %%
train = train_all.without(train_embeddings.skipped)
val = val_all.without(val_embeddings.skipped)
train_img_fns, train_captions = train.names, train.captions
val_img_fns, val_captions = val.names, val.captions
train_img_embeds, val_img_embeds = train_embeddings.usable(), val_embeddings.usable()
print("training", train_img_embeds.shape, "validation", val_img_embeds.shape)

utils.plot_embedding_map(
    val_img_embeds[:300],
    (utils.decode_photo(val_photos.read(name)) for name in val_img_fns[:300]))

# %% [markdown]
# ## Exercise 1: vocabulary
#
# A network computes with numbers, so each word gets an index. Rare words can't be learnt: keep those that occur **5 times or
# more** in all training captions. Add four special tokens:
#
# | token | stands for |
# |---|---|
# | `#PAD#` | no word: it fills up the shorter captions of a batch |
# | `#UNK#` | a word that is not in the vocabulary |
# | `#START#` | the beginning of a caption |
# | `#END#` | the end of a caption |
#
# An index is a token's place among the sorted tokens. So `#END#` is 0, and `#PAD#` is 1, not 0 as in many libraries: write
# `vocab[PAD]`, never a number.

# %%
PAD, UNK, START, END = utils.PAD, utils.UNK, utils.START, utils.END
split_sentence = utils.split_sentence               # lower-case words, no punctuation

print(*split_sentence(train_captions[0][0]), sep=", ")

# %%
def generate_vocabulary(train_captions):
    """Vocabulary of the training captions: {token: index}.

    train_captions: for each photo a list of captions (strings).
    Holds the words that occur 5 times or more in all captions together, and PAD, UNK,
    START, END. An index is the token's place in the sorted list of all tokens.
    """
    # BEGIN SOLUTION
    every_caption = [caption for of_photo in train_captions for caption in of_photo]
    counts = Counter(word for each in every_caption for word in split_sentence(each))
    words = {word for word, count in counts.items() if count >= 5}
    tokens = sorted(words | {PAD, UNK, START, END})
    return {token: index for index, token in enumerate(tokens)}
    # END SOLUTION


# %%
vocab = generate_vocabulary(train_captions)
vocab_inverse = {index: token for token, index in vocab.items()}
print(f"{len(vocab):,} tokens, the first ones:", *sorted(vocab)[:12])

grader.check_vocabulary(vocab, generate_vocabulary, train_captions)

# %% [markdown]
# ## Exercise 2: from words to indices
#
# Each caption becomes a list of indices: `START`, its words, `END`. A word that is not in the vocabulary becomes `UNK`.

# %%
def caption_tokens_to_indices(captions, vocab):
    """Captions as lists of vocabulary indices.

    captions: for each photo a list of captions (strings).
    Returns for each photo a list of lists of Python ints: START, the words, END.
    """
    # BEGIN SOLUTION
    def indices(caption):
        words = [vocab.get(word, vocab[UNK]) for word in split_sentence(caption)]
        return [vocab[START], *words, vocab[END]]

    return [[indices(caption) for caption in of_photo] for of_photo in captions]
    # END SOLUTION


# %%
train_captions_indexed = caption_tokens_to_indices(train_captions, vocab)
val_captions_indexed = caption_tokens_to_indices(val_captions, vocab)
print(train_captions[0][0], train_captions_indexed[0][0], sep="\n")

grader.check_indexing(train_captions_indexed, vocab, caption_tokens_to_indices)

# %% [markdown]
# ## Exercise 3: batches
#
# Captions differ in length, but a batch is a matrix. Fill up shorter captions on the right with `PAD`. The matrix is as wide as
# the longest caption, or `max_len` if that is less. Of a longer caption only the first `max_len` tokens stay, without `END`.

# %%
def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    """Captions of a batch as a matrix.

    batch_captions: B lists of indices. pad_idx: the index that fills up.
    Returns (B, T) integers. T is the length of the longest caption, at most max_len.
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

grader.check_batching(batch_captions_to_matrix)

# %% [markdown]
# A training batch takes some photos at random, and one caption of each.

# %%
def generate_batch(images_embeddings, indexed_captions, batch_size, max_len=None,
                   rng=np.random):
    """A random batch, as a dict of the decoder's inputs.

    images_embeddings: (N, 2048). indexed_captions: for each photo its captions.
    rng: a NumPy Generator, or NumPy's global generator.
    Returns {"img_embeds": (B, 2048) float32, "sentences": (B, T) int32}.
    """
    photos = len(images_embeddings)
    rows = rng.choice(photos, min(batch_size, photos), replace=False)
    picks = rng.random(len(rows))
    of_photos = [indexed_captions[row] for row in rows]
    captions = [captions[int(pick * len(captions))]
                for captions, pick in zip(of_photos, picks)]
    return {
        "img_embeds": np.asarray(images_embeddings[rows], np.float32),
        "sentences": batch_captions_to_matrix(captions, vocab[PAD], max_len),
    }


rng = np.random.default_rng(0)
generate_batch(train_img_embeds, train_captions_indexed, 3, rng=rng)["sentences"]

# %% [markdown]
# ## Exercise 4: the decoder
#
# The decoder is an LSTM that writes a caption word by word. The photo's embedding sets its first state. At each step it reads
# a word and gives a number, a *logit*, to each word that might come next; softmax turns logits into probabilities. In training
# it reads the **true** words, whatever it would have written itself. This is *teacher forcing*: all steps of a caption are
# learnt at once.
#
# A `keras.Input` stands for a batch of any size. A layer called on it gives another *symbolic tensor*, with a shape but no
# values. Inputs and layers are given. `standardize` brings each of the 2,048 numbers to mean 0 and variance 1. Dropout hides a
# part of its input in training, so that the decoder can't learn single photos by heart. A *bottleneck* is a narrow layer, which saves
# weights.

# %%
IMG_EMBED_BOTTLENECK = 120
WORD_EMBED_SIZE = 100
LSTM_UNITS = 300
LOGIT_BOTTLENECK = 120

keras.utils.set_random_seed(settings.seed)             # for the layers' initial weights


class decoder:
    """Symbolic tensors and layers. B: photos, T: tokens, V: size of the vocabulary."""

    img_embeds = keras.Input((IMG_EMBED_SIZE,), name="img_embeds")          # (B, 2048)
    sentences = keras.Input((None,), dtype="int32", name="sentences")       # (B, T)

    standardize = L.BatchNormalization(center=False, scale=False)
    image_dropout = L.Dropout(settings.image_dropout, seed=settings.seed)
    img_embed_to_bottleneck = L.Dense(IMG_EMBED_BOTTLENECK, activation="elu")
    img_embed_bottleneck_to_h0 = L.Dense(LSTM_UNITS, activation="elu")
    word_embed = L.Embedding(len(vocab), WORD_EMBED_SIZE)
    lstm = L.LSTM(LSTM_UNITS, return_sequences=True)
    dropout = L.Dropout(settings.dropout, seed=settings.seed)
    token_logits_bottleneck = L.Dense(LOGIT_BOTTLENECK, activation="elu")
    token_logits = L.Dense(len(vocab))

    image = image_dropout(standardize(img_embeds))                          # (B, 2048)


# %% [markdown]
# ### Step 1: the state before the first word
#
# ![A photo's embedding goes through two layers and becomes both h0 and c0](docs/notebook/states.png)
#
# The state of an LSTM is two vectors: `h`, its output, and `c`, its memory. Both begin with what the photo says, so one vector
# serves for both. Send `decoder.image` through `img_embed_to_bottleneck`, then `img_embed_bottleneck_to_h0`. Assign the result, shape
# (B, 300), to `decoder.h0` and to `decoder.c0`.

# %%
# BEGIN SOLUTION
bottleneck = decoder.img_embed_to_bottleneck(decoder.image)                 # (B, 120)
decoder.h0 = decoder.c0 = decoder.img_embed_bottleneck_to_h0(bottleneck)    # (B, 300)
# END SOLUTION

grader.check_step(decoder, vocab, "states")

# %% [markdown]
# ### Step 2: words in
#
# ![The words of a caption but the last are embedded and read by the LSTM](docs/notebook/words_in.png)
#
# Assign two tensors:
#
# - `decoder.word_embeds`, (B, T−1, 100): `word_embed` of all words of `decoder.sentences` but the last, which nothing follows;
# - `decoder.hidden_states`, (B, T−1, 300): outputs of `lstm` for them, from the first state `initial_state=[h0, c0]`.

# %%
# BEGIN SOLUTION
decoder.word_embeds = decoder.word_embed(decoder.sentences[:, :-1])      # (B, T-1, 100)
decoder.hidden_states = decoder.lstm(
    decoder.word_embeds, initial_state=[decoder.h0, decoder.c0])         # (B, T-1, 300)
# END SOLUTION

grader.check_step(decoder, vocab, "words in")

# %% [markdown]
# ### Step 3: logits
#
# ![The hidden states of all captions in one long row, each turned into logits](docs/notebook/logits.png)
#
# Each hidden state predicts the next word by itself. So put all of them into one long row ("flat"):
#
# - `decoder.flat_hidden_states`, (B·(T−1), 300): `hidden_states` through `dropout`, then `ops.reshape`;
# - `decoder.flat_token_logits`, (B·(T−1), V): through `token_logits_bottleneck`, then `token_logits`, without softmax.

# %%
# BEGIN SOLUTION
decoder.flat_hidden_states = ops.reshape(
    decoder.dropout(decoder.hidden_states), [-1, LSTM_UNITS])           # (B*(T-1), 300)
decoder.flat_token_logits = decoder.token_logits(
    decoder.token_logits_bottleneck(decoder.flat_hidden_states))        # (B*(T-1), V)
# END SOLUTION

grader.check_step(decoder, vocab, "logits")

# %% [markdown]
# ### Step 4: the loss
#
# ![Each word but the first is a target; PAD is masked out](docs/notebook/loss.png)
#
# The target at each step is the next word. At `PAD` there is nothing to learn: a *mask* takes it out of the loss.
#
# - `decoder.flat_ground_truth`, (B·(T−1),): all words of `sentences` but the first, in one long row;
# - `decoder.flat_loss_mask`, the same shape: 1.0 where the target is a word, 0.0 where it is `PAD` (`ops.not_equal`, `ops.cast`);
# - `decoder.loss`, one number: the mean cross-entropy over the words, without `PAD`. Use the function
#   `keras.losses.sparse_categorical_crossentropy(..., from_logits=True)`, not the class of a similar name, which takes the mean
#   over `PAD` too.

# %%
# BEGIN SOLUTION
decoder.flat_ground_truth = ops.reshape(decoder.sentences[:, 1:], [-1])     # (B*(T-1),)
decoder.flat_loss_mask = ops.cast(
    ops.not_equal(decoder.flat_ground_truth, vocab[PAD]), "float32")        # (B*(T-1),)
cross_entropy = keras.losses.sparse_categorical_crossentropy(
    decoder.flat_ground_truth, decoder.flat_token_logits, from_logits=True)
decoder.loss = (ops.sum(cross_entropy * decoder.flat_loss_mask)
                / ops.sum(decoder.flat_loss_mask))                          # ()
# END SOLUTION

grader.check_decoder_shapes(decoder, vocab)

# %% [markdown]
# ### The loss before training
#
# Cross-entropy is the mean of −ln p, where p is the probability of the true word. Its unit is the *nat*: a loss of 1 is as
# uncertain as choosing among e = 2.7 equally likely words. An untrained decoder finds all V words about equally likely, so its loss
# is about ln V. This number shows a wrong mask or an extra softmax in a second.

# %%
grader.check_untrained_loss(decoder, vocab)

# %% [markdown]
# ## The same decoder, one word at a time
#
# When the decoder writes, it reads the word that it has just written. `final_model` puts the same layers together for one step,
# and `writer` uses it.

# %%
class final_model:
    """The decoder's layers, one step at a time."""

    # (B, 2048) -> h and c, (B, 300) each
    initial_state = keras.Model(decoder.img_embeds, [decoder.h0, decoder.c0])

    word = keras.Input((), dtype="int32", name="word")                       # (B,)
    h = keras.Input((LSTM_UNITS,), name="h")
    c = keras.Input((LSTM_UNITS,), name="c")
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])  # (B, 300)
    logits = decoder.token_logits(decoder.token_logits_bottleneck(new_h))    # (B, V)
    one_step = keras.Model([word, h, c], [logits, new_h, new_c])


writer = keras_utils.CaptionWriter(
    final_model.initial_state, final_model.one_step, vocab, settings.max_len,
    recipe=train_embeddings.recipe)
print("untrained:", writer.greedy(val_img_embeds[:1])[0])

grader.check_final_model(decoder, final_model, vocab)

# %% [markdown]
# ## Training in ten lines
#
# A training step takes a batch, computes the loss and its gradient, and lets the optimizer, Adam, change the weights a little. Try it
# on 50 captions: what can't learn 50 captions by heart won't learn a dataset. `undone` gives the weights back afterwards.

# %%
batch = generate_batch(
    train_img_embeds, train_captions_indexed, 50, rng=np.random.default_rng(0))
model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
optimizer = keras.optimizers.Adam(learning_rate=0.004)
optimizer.build(model.trainable_variables)


@tf.function                                             # compiles the step
def train_step():
    with tf.GradientTape() as tape:
        loss = model([batch["img_embeds"], batch["sentences"]])
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply(gradients, model.trainable_variables)
    return loss


with keras_utils.undone(model):
    for step in range(301):
        loss = train_step()
        learnt = loss < 0.01
        if learnt or step % 25 == 0:
            print(f"step {step:3}: loss {loss:.2f}")
        if learnt:
            break
    by_heart = writer.greedy(batch["img_embeds"][:3])

special = vocab[PAD], vocab[START], vocab[END]
for indices, caption in zip(batch["sentences"], by_heart):
    print("\ncaption:", *(vocab_inverse[i] for i in indices if i not in special))
    print("learnt: ", caption)

# %% [markdown]
# ## The trainer
#
# The trainer is that loop, made fast and resumable. After each *epoch* of `batches_per_epoch` batches it measures the loss on
# validation captions, writes a caption for one photo, and saves a checkpoint; it also saves every few minutes. Stop it whenever you
# like: run the cell again, and it goes on at the same step.
#
# Single steps jitter, so validation takes the average of the latest weights ([Shamir & Zhang
# 2013](https://arxiv.org/abs/1212.1824)). Dropout is off in validation. That is why the validation loss may be lower than the training
# loss. At the end the decoder gets the weights of the best epoch. To train longer, raise `epochs`.

# %%
trainer = keras_utils.Trainer(
    decoder, generate_batch, keras_utils.Data(train_img_embeds, train_captions_indexed),
    keras_utils.Data(val_img_embeds, val_captions_indexed), vocab, settings,
    train_embeddings.recipe, models=writer.models)

watched = min(7, len(val_img_fns) - 1)                   # a validation photo
photo = utils.decode_photo(val_photos.read(val_img_fns[watched]))
picture = utils.TrainingPicture(photo)
history = trainer.fit(
    lambda: str(writer.greedy(val_img_embeds[[watched]])[0]), show=picture.show)
best = trainer.restore_best()
print(f"Best after epoch {best['epoch']}: validation loss {best['val_loss']:.3f}")

# %% [markdown]
# ## Exercise 5: validation loss
#
# Nothing to write: the check takes the mean loss of 1,000 batches of validation captions. It must be clearly lower than that of a
# table of which word follows which. And it must rise when captions get the photos of others: a decoder that ignores photos fails.

# %%
grader.check_validation_loss(
    decoder, generate_batch, val_img_embeds, val_captions_indexed,
    final_model=final_model)

# %% [markdown]
# ## One caption by hand
#
# `generate_caption` writes a caption in plain Python, so that you see each step. With `sample=True` it samples each word by its
# probability. The *temperature* `t` first sharpens (t < 1) or flattens (t > 1) the probabilities.

# %%
def generate_caption(image, t=1, sample=False, max_len=20):
    """Caption of one photo, as a list of tokens from START on.

    image: (299, 299, 3) uint8 centre crop. sample: sample each word, else take the most
    probable. t: temperature; higher is more daring. max_len: most words.
    """
    h, c = final_model.initial_state(encoder(image[None]))
    caption = [START]
    while caption[-1] != END and len(caption) <= max_len:
        word = tf.constant([vocab[caption[-1]]])
        logits, h, c = final_model.one_step([word, h, c])
        logits = np.array(logits[0], np.float64)
        logits[[vocab[PAD], vocab[UNK], vocab[START]]] = -np.inf         # never written
        p = np.exp((logits - logits.max()) / t)
        p /= p.sum()
        index = np.random.choice(len(vocab), p=p) if sample else p.argmax()
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


show_valid_example(val_img_fns, example_idx=watched)

# %%
h, c = final_model.initial_state(np.float32(val_img_embeds[[watched]]))
for token in (START, *writer.greedy(val_img_embeds[[watched]])[0].tokens[:1]):
    logits, h, c = final_model.one_step([tf.constant([vocab[token]]), h, c])
print("after", token)
utils.plot_temperature(np.array(ops.softmax(logits[0])), list(vocab))

# %% [markdown]
# `writer` does the same for many photos at once. Here it samples 50 captions for this photo at each temperature. One unlikely word
# changes the rest of a caption.

# %%
fifty_times = np.repeat(val_img_embeds[[watched]], 50, axis=0)
samples = {
    t: writer.sample(fifty_times, temperature=t, seed=1) for t in (0.3, 0.7, 1, 1.5)}
utils.plot_captions_by_temperature(
    utils.decode_photo(val_photos.read(val_img_fns[watched])), samples,
    val_captions[watched])

# %% [markdown]
# *Greedy* decoding takes the most probable word at each step. *Beam search* follows the three best beginnings at once and keeps
# the caption that is most probable as a whole. `no_repeat=2` lets no pair of words come twice ("a cat and a cat").

# %%
last = min(8, len(val_img_fns))
shown = list(range(max(0, last - 6), last))
greedy = writer.greedy(val_img_embeds[shown])
beam = writer.beam(val_img_embeds[shown], width=3, no_repeat=2)
utils.plot_photos(
    [utils.decode_photo(val_photos.read(val_img_fns[i])) for i in shown],
    [f"greedy: {one}\nbeam: {other}" for one, other in zip(greedy, beam)], columns=3,
    title="Two ways to search: look for the photos where they differ")

# %% [markdown]
# ## How good are they?
#
# Each validation photo gets a caption, which is compared with those of people. BLEU-n counts runs of n words in common; ROUGE-L,
# the longest common subsequence; CIDEr weighs words by how much they tell about a photo, so "a" counts next to nothing.
#
# Three baselines stand beside the decoder: the caption of the most similar training photo, the most frequent caption, and one
# person's caption against the others'.

# %%
written = writer.beam(val_img_embeds, width=3, no_repeat=2)
captions = {name: caption.words for name, caption in zip(val_img_fns, written)}
greedy = {name: caption.words
          for name, caption in zip(val_img_fns, writer.greedy(val_img_embeds))}
references = {
    name: [split_sentence(caption) for caption in of_photo]
    for name, of_photo in zip(val_img_fns, val_captions)}

by_beam = utils.score_captions(
    captions, references, decoding="beam search, width 3, no pair of words twice")
by_greedy = utils.score_captions(greedy, references)
baselines = utils.score_baselines(
    train_img_embeds, train_captions, val_img_embeds, references)
utils.write_results(settings.output_dir, settings, val, captions, history, beam=by_beam,
                    greedy=by_greedy, baselines=baselines, training=best)
utils.ScoreTable({"beam of 3": by_beam, "greedy": by_greedy, **baselines})

# %% [markdown]
# ## Your gallery
#
# Choose 10 photos whose captions fit and 10 whose captions fail. A program proposes some: in the drawn world by
# the truth, elsewhere by scores and the decoder's confidence. Scores are no judges: a right caption may use other words. Look
# at the photos.

# %%
confidence = {name: utils.caption_confidence(caption.word_probabilities)
              for name, caption in zip(val_img_fns, written)}
proposal = utils.propose_examples(
    val_img_fns, captions, references, by_beam, confidence,
    utils.reasons_by_scene(settings, val, captions), n=16)


def caption_photo(photo):
    """Words for a photo of your own, and the probability of each."""
    crop = utils.center_crop(photo, IMG_SIZE)
    [caption] = writer.beam(encoder(crop[None]), width=3, no_repeat=2)
    return caption.words, caption.word_probabilities


album = utils.Album(
    proposal, val_photos.read, captions, dict(zip(val_img_fns, val_captions)), by_beam,
    {name: caption.word_probabilities for name, caption in zip(val_img_fns, written)},
    caption_photo)
display(album.sheet(good=True), album.sheet(good=False))
for reason, meaning in utils.REASONS.items():
    print(f"{reason:18}{meaning}")

# %% [markdown]
# Now choose, by the photos' numbers; one of the first sheet may be bad, and one of the second good. A photo of your own is named
# by the path of its file. Say for each bad one why it fails, in your own words or by one of the reasons above.
#
# Hand in `gallery.html` from the folder of results.

# %%
# The program's choice stands here until you make yours, for instance
# my_good = [1, 2, 5, "holiday.jpg"]
# my_bad = {17: "wrong count", 21: "a bird, not a kite"}
my_good = [candidate.name for candidate in proposal.good[:10]]
my_bad = {candidate.name: candidate.hint for candidate in proposal.bad[:10]}

choice = album.choose(my_good, my_bad)
choice

# %%
wrote = "The program that drew the photos wrote what stands here as people’s captions."
utils.write_gallery(
    settings.output_dir / "gallery.html", choice.good, choice.bad, scores=by_beam,
    baselines=baselines,
    about=f"Learnt from {len(train_img_fns):,} photos of the dataset "
          f"“{settings.dataset}” in {best['step']:,} steps. Captions by beam search of "
          f"width 3. {wrote if settings.dataset == 'drawn' else ''}")
figure = utils.plot_gallery(choice.good, choice.bad)
with utils.written_aside(settings.output_dir / "gallery.png") as aside:
    figure.savefig(aside, format="png", facecolor="white")
figure

# %% [markdown]
# ## Your own photo
#
# Write the path of a photo, or use the button. A decoder that learnt from drawn scenes knows drawn scenes only.

# %%
my_photo = None                                          # for instance "holiday.jpg"

if my_photo:
    utils.show_photo_file(my_photo, apply_model_to_image_raw_bytes)
else:
    utils.photo_chooser(apply_model_to_image_raw_bytes)

# %% [markdown]
# ## Submission
#
# The points, and nothing else of yours, go to `grades.json`. To send your answers to the course on Coursera, run the notebook on
# MSCOCO, then this cell with `submit_now = True`. It asks for your account's e-mail and the submission token from the assignment's
# page. Never write them into a cell: notebooks get shared.

# %%
submit_now = False

grader.save(settings.output_dir / "grades.json")
if submit_now:
    display(grader.submit())
grader.table()
