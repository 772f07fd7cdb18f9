"""Which checkpoints fit a run: those of the same data, settings and decoder."""

import json
from collections.abc import Iterator
from itertools import zip_longest

import keras

from captioning.decoder import model_text
from captioning.decoder.checkpoints import Checkpoint
from captioning.decoder.errors import OtherRun
from captioning.decoder.train_state import TrainState
from captioning.encoder.recipes import ARITHMETIC, different_recipe, without
from captioning.frameworks import arithmetic
from captioning.settings import Settings


def describe_run(state: TrainState, decoder, vocab: dict, settings: Settings, recipe: dict,
                 models: dict[str, keras.Model], captions: dict[str, str]) -> dict:
    """What each checkpoint of a run says about it, as JSON can hold it.

    Args:
        state: the variables whose shapes a checkpoint must have.
        decoder: its layers' names are those of its attributes.
        vocab: word -> index.
        settings: of the run.
        recipe: of the embeddings.
        models: those that write captions, by name.
        captions: digests of the captions that the run learns from, by split.
    """
    return {
        "settings": settings.as_dict(), "vocab": vocab, "recipe": recipe, "shapes": state.shapes(),
        "models": describe_models(state, models), "decoder": model_text.outline(state.model),
        "names": _names(state.model, decoder),
        "captions": captions, "arithmetic": arithmetic(settings.precision),
    }


def describe_models(state: TrainState, models: dict[str, keras.Model]) -> dict:
    """The models that write captions, as text; their weights are the averaged ones."""
    return model_text.describe(models, {"model": state.model.variables, "average": state.model.trainable_variables})


def _names(model: keras.Model, decoder) -> dict[str, list[str]]:
    """What messages call the model's variables and its steps, in their order."""
    attributes = {id(value): f"decoder.{name}" for name, value in vars(decoder).items()}
    variables = {
        id(variable): f"{attributes.get(id(layer), type(layer).__name__)}, shape of its {variable.name}"
        for layer in model.layers for variable in layer.variables}
    steps = (attributes.get(id(step), f"step {number} of the decoder") for number, step in enumerate(model.operations))
    return {"variables": [variables.get(id(variable), variable.path) for variable in model.variables],
            "steps": list(steps)}


def require_same_run(checkpoint: Checkpoint, run: dict, owner: str):
    """Refuses a checkpoint of another run.

    Args:
        checkpoint: one that was read.
        run: what `describe_run` returned. That of fine-tuning also holds "began_with", the digest of the weights
            before, and "cross_entropy", the weight of this part of the loss.
        owner: what the notebooks call the object that trains.

    Raises:
        OtherRun: something differs; the message has both values.
    """
    different = [f"{name}: {str(theirs):.100} there, {str(mine):.100} here"
                 for name, theirs, mine in _pairs(checkpoint.about, json.loads(json.dumps(run))) if theirs != mine]
    if different:
        raise OtherRun(
            f"The checkpoint {checkpoint.path} does not fit this run ({'; '.join(different)}). Undo the change to go "
            f"on from it. To start again, run {owner}.set_aside() in a new cell, which renames the folder of "
            "checkpoints, and then this cell again.")


def other_arithmetic(checkpoint: Checkpoint, run: dict) -> str:
    """How the arithmetic of a checkpoint, or of its embeddings, differs from a run's; empty if it does not."""
    there, here = ({"embeddings": about["recipe"].get(ARITHMETIC)} | about["arithmetic"]
                   if isinstance(about.get("arithmetic"), dict) else {} for about in (checkpoint.about, run))
    return different_recipe(there, here) if there else ""


def _pairs(there: dict, here: dict) -> Iterator[tuple]:
    """What two runs must have in common: a name for it, its value there and here."""
    settings, recipe, captions = (
        there[key] if isinstance(there.get(key), dict) else {} for key in ("settings", "recipe", "captions"))
    for name in Settings.fixed_on_resume():
        yield name, settings.get(name), here["settings"][name]
    for key in without(here["recipe"], ARITHMETIC):
        yield f"embeddings' {key}", recipe.get(key), here["recipe"][key]
    for split in here["captions"]:
        yield f"digest of the {split} captions", captions.get(split), here["captions"][split]
    yield _first_token(there.get("vocab"), here["vocab"])
    yield "digest of the weights before", there.get("began_with"), here.get("began_with")
    yield "weight of the cross-entropy", there.get("cross_entropy"), here.get("cross_entropy")
    yield _first_layer(there, here)


def _first_token(theirs, mine: dict) -> tuple:
    """The first token whose index differs, or the vocabularies as a whole."""
    if theirs == mine or not isinstance(theirs, dict):
        return "vocabulary", theirs, mine
    if len(theirs) != len(mine):
        return "tokens in the vocabulary", len(theirs), len(mine)
    token = next(token for token in mine if theirs.get(token) != mine[token])
    return f"index of {token!r:.60} in the vocabulary", theirs.get(token), mine[token]


def _first_layer(there: dict, here: dict) -> tuple:
    """Where two decoders first differ: in the shape of a weight, else in a step that computes something else."""
    shapes = there.get("shapes")
    if shapes != here["shapes"]:
        of_model = shapes.get("model") if isinstance(shapes, dict) else None
        return _first_difference(here["names"]["variables"], of_model, here["shapes"]["model"],
                                 "shapes of the decoder's weights")
    return _first_difference(here["names"]["steps"], there.get("decoder"), here["decoder"], "decoder")


def _first_difference(names: list[str], theirs, mine: list, whole: str) -> tuple:
    """The first place where two lists differ, with its name. `whole` is the name if they differ in no place."""
    if isinstance(theirs, list):
        for number, pair in enumerate(zip_longest(theirs, mine)):
            if pair[0] != pair[1]:
                return (names[number] if number < len(names) else f"{whole}, number {number}", *pair)
    return whole, theirs, mine
