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
# # Going further
#
# This notebook begins where the course ends: with your trained decoder, which it reads from the course's best checkpoint.
# Run the course first. Then run the two cells below and any section you like; each stands alone.
#
# - **Fine-tuning on the score itself**: what it gains, and what it costs
# - **Why this caption?** Look inside one that went wrong
# - **Which photos are confused?**
# - **Scores as papers print them**
# - **How sure are these numbers?** Intervals, paired differences, diversity
# - **A second gallery**, by the fine-tuned decoder
# - **Three questions to think about**

# %%
import os
import sys
from pathlib import Path

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

with utils.hushed():                                    # without TensorFlow's greetings
    import keras_utils

from IPython.display import display

import grading

grading.short_errors()

# %%
settings, train, val, train_img_embeds, val_img_embeds, writer = (
    keras_utils.finished_course(utils.Settings.from_environment()))
further = settings.output_dir / "further"
train_photos = utils.open_photos(train.photos)
val_photos = utils.open_photos(val.photos)
place_of = {name: place for place, name in enumerate(val.names)}

split = utils.split_sentence
train_words = [[split(caption) for caption in of_photo] for of_photo in train.captions]
val_words = [[split(caption) for caption in of_photo] for of_photo in val.captions]
references = dict(zip(val.names, val_words))
sentences = dict(zip(val.names, val.captions))


def photo_of(name):
    """A validation photo, decoded."""
    return utils.decode_photo(val_photos.read(name))


written = writer.beam(val_img_embeds, width=3, no_repeat=2)
captions = {name: caption.words for name, caption in zip(val.names, written)}
by_beam = utils.score_captions(captions, references, decoding="beam search, width 3")
metrics = {"course": by_beam}                           # of the sections that you run
utils.ScoreTable({"the course's decoder, beam of 3": by_beam})

# %% [markdown]
# ## Fine-tuning on the score itself
#
# In the course, the decoder learnt to guess the next word of people's captions. What we want is a caption that is right as a
# whole, when the decoder writes all of it. *Self-critical* training
# ([Rennie et al. 2017](https://arxiv.org/abs/1612.00563)) trains just that. For each photo it samples five captions and
# scores them against people's by CIDEr. A caption that beats the mean of the other four becomes more probable; the others
# become less probable.
#
# The score alone would drive out words that score little, such as "in", and make captions alike. So a caption also pays for
# words and phrases that the samples use more often than people do. And the loss holds the cross-entropy of people's captions
# ([Paulus et al. 2017](https://arxiv.org/abs/1705.04304)), times `cross_entropy_weight`. It is 0 in the drawn world.
#
# The bar shows minus the mean reward of the sampled captions, and the validation loss the same for validation photos. The
# fine-tuned weights go into the folder `fine-tuned` beside the course's checkpoints, which stay as they are. With
# `self_critical_epochs=0`, the default on MSCOCO, nothing is trained here.

# %%
tuned = keras_utils.CaptionWriter.from_checkpoint(
    settings.checkpoint_dir, settings.max_len)
tuner = keras_utils.SelfCritical(
    tuned, train_img_embeds, val_img_embeds, settings, train_words,
    utils.CaptionReward(train_words), utils.CaptionReward(val_words))
tuner.fit()
best = tuner.restore_best()
metrics["fine_tuning"] = tuner.history
print(f"Mean reward of validation photos: {-tuner.history[0]['val_loss']:.3f} before, "
      f"{-best['val_loss']:.3f} after epoch {best['epoch']}")

# %% [markdown]
# What did it gain? Both rows are the same decoder, before and after, by beam search on the same photos.

# %%
tuned_written = tuned.beam(val_img_embeds, width=3, no_repeat=2)
tuned_captions = {name: each.words for name, each in zip(val.names, tuned_written)}
by_tuned = utils.score_captions(
    tuned_captions, references, decoding="beam search, width 3")
utils.ScoreTable({"before": by_beam, "fine-tuned": by_tuned})

# %% [markdown]
# And what does it cost? A score is not language: the decoder learns what scores, and says less of the rest. Compare how
# many different captions and words are left, and how near the words are to people's. Then look at the photos: is the
# longer caption also the right one?

# %%
for label, texts in (("before", captions), ("fine-tuned", tuned_captions)):
    print(label, utils.caption_diversity(texts, train_words), sep="\n", end="\n\n")

shown = [name for name in val.names if captions[name] != tuned_captions[name]][:6]
if shown:
    display(utils.plot_photos(
        [photo_of(name) for name in shown],
        ["before: " + " ".join(captions[name])
         + "\nfine-tuned: " + " ".join(tuned_captions[name]) for name in shown],
        columns=3, title="Is the caption after fine-tuning the right one?"))

# %% [markdown]
# ## Why this caption?
#
# A score says how good a caption is, not how it came about. Ask three questions about one that went wrong. Was the right
# word among the runners-up? Then the decoder had the idea, but was not sure. Was it in a caption that beam search threw
# away? Then the search chose badly. Do the nearest training photos show something else? Then the encoder sees them alike,
# and no decoder can tell them apart.
#
# This is the photo with the lowest CIDEr. Write another name or `val.names[17]` in its place.

# %%
looked_at = min(val.names, key=by_beam.by_photo("CIDEr").get)

embedding = val_img_embeds[[place_of[looked_at]]]
beams = writer.beams(embedding, width=3, no_repeat=2)[0]
rows, cosines = utils.nearest_photos(
    train_img_embeds, embedding, count=min(3, len(train.names)))
utils.plot_explanation(
    photo_of(looked_at), beams, writer.next_words(embedding[0], beams[0]),
    [(utils.decode_photo(train_photos.read(train.names[row])), cosine,
      train.captions[row][:2]) for row, cosine in zip(rows[0], cosines[0])],
    val.captions[place_of[looked_at]])

# %% [markdown]
# ## Which photos are confused?
#
# Which photos does the decoder describe alike, though people describe them differently? For each pair of photos, take the
# share of words that their two captions have in common, minus the share that their references have in common,
#
# $$\frac{|c_1 \cap c_2|}{|c_1 \cup c_2|} - \frac{|r_1 \cap r_2|}{|r_1 \cup r_2|},$$
#
# without words like "a" and "on". Is one of the captions wrong, or are both too general? The cosine between two embeddings
# is 1 where the encoder sees the photos alike. Where it is low, the encoder told them apart and the decoder did not.

# %%
from sklearn.metrics.pairwise import cosine_similarity


def of_photo(name):
    """A photo, what the decoder wrote of it, and what people wrote."""
    return photo_of(name), " ".join(captions[name]), val.captions[place_of[name]][:3]


def in_common(pair):
    """How alike two photos are to the decoder, to people and to the encoder."""
    pair_of_rows = val_img_embeds[[place_of[pair.first], place_of[pair.second]]]
    cosine = cosine_similarity(pair_of_rows)[0, 1]
    return (f"in common: {pair.captions:.0%} of the captions’ words, "
            f"{pair.references:.0%} of people’s; cosine {cosine:.2f}")


confused = utils.confused_photos(captions, references, n=4)
utils.plot_confusions(
    [(of_photo(pair.first), of_photo(pair.second), in_common(pair))
     for pair in confused])

# %% [markdown]
# ## Scores as papers print them
#
# Papers split words with the MSCOCO challenge's own tokenizer, a Java program, and report METEOR too, which counts synonyms
# and word stems as matches. With Java on this machine, these are the numbers to put beside theirs. Without it, this cell
# says so, and nothing else is missing. (In the drawn world, both ways to split words give the same.)

# %%
as_in_papers = metrics["as_in_papers"] = {}
try:
    as_in_papers["beam of 3"] = utils.score_captions(
        captions, sentences, "ptb", by_beam.decoding, extra=utils.JAVA_METRICS)
    nearest = utils.nearest_photo_captions(
        train_img_embeds, train.captions, val_img_embeds)
    as_in_papers["caption of the nearest photo"] = utils.score_captions(
        dict(zip(val.names, nearest)), sentences, "ptb", "caption of the nearest photo")
    display(utils.ScoreTable(as_in_papers))
except utils.NoJavaScore as reason:
    print(reason)

# %% [markdown]
# ## How sure are these numbers?
#
# A score would be a little different with other photos of the same kind. An *interval* says how much: it comes from drawing
# the photos again and again, with replacement (the bootstrap). Two decoders that were scored on the same photos have a
# *paired* difference, whose interval is narrower than the two intervals suggest: easy photos are easy for both.
#
# The baseline to beat is retrieval: the caption of the training photo that looks most alike to the encoder.

# %%
baselines = utils.score_baselines(
    train_img_embeds, train.captions, val_img_embeds, references)
above_nearest = utils.cider_difference(
    by_beam, baselines["caption of the nearest photo"])
metrics |= {"baselines": baselines, "above_nearest_photo": above_nearest}
display(utils.ScoreTable({"beam of 3": by_beam, **baselines}))
above_nearest

# %% [markdown]
# People are scored on one reference fewer than the decoder, since their own caption is one of them. Can a decoder score
# above people? CIDEr rewards the wording that most references share, and one person mentions what nobody else did.
#
# Good scores can also hide a decoder that says the same few things of all photos:

# %%
diversity = metrics["diversity"] = utils.caption_diversity(captions, train_words)
diversity

# %% [markdown]
# ## A second gallery
#
# The fine-tuned decoder, if there is one, gets a gallery of its own, chosen by the program. Compare it with yours: which
# failures are gone, and which are new? The files are in the folder `further` of the results.

# %%
folder = settings.checkpoint_dir / "fine-tuned"
last_writer = keras_utils.CaptionWriter.from_checkpoint(
    folder if folder.is_dir() else settings.checkpoint_dir, settings.max_len)
last_written = last_writer.beam(val_img_embeds, width=3, no_repeat=2)
last_captions = {name: caption.words for name, caption in zip(val.names, last_written)}
last_scores = utils.score_captions(
    last_captions, references, decoding="beam search, width 3, no pair of words twice")
utils.write_results(further, settings, val, last_captions, beam=last_scores, **metrics)

probabilities = {name: c.word_probabilities for name, c in zip(val.names, last_written)}
confidence = {name: utils.caption_confidence(p) for name, p in probabilities.items()}
proposal = utils.propose_examples(
    val.names, last_captions, references, last_scores, confidence,
    utils.reasons_by_scene(settings, val, last_captions), n=16)
album = utils.Album(
    proposal, val_photos.read, last_captions, sentences, last_scores, probabilities,
    caption_photo=None)                                 # no photos of your own here
choice = album.choose(
    [candidate.name for candidate in proposal.good[:10]],
    {candidate.name: candidate.hint for candidate in proposal.bad[:10]})
utils.write_gallery(
    further / "gallery.html", choice.good, choice.bad, scores=last_scores,
    about="Captions by the fine-tuned decoder, chosen by a program.")
utils.plot_gallery(choice.good, choice.bad)

# %% [markdown]
# ## Three questions to think about
#
# 1. Fine-tuning raised CIDEr. Take ten photos whose caption it changed, cover the labels, and choose the better caption of
#    each pair yourself. How often do you agree with the score? What would you reward instead?
# 2. For your worst captions, say whether the encoder, the decoder or the search is to blame. Which of the three would you
#    improve first, and how would you know that it helped?
# 3. A caption that fits most photos of a kind ("a man riding a wave") scores well and tells little. Who needs a caption, and
#    for what? Write down the caption that such a person would need for three photos, and what a score would have to
#    measure to prefer it.
