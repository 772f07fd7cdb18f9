"""Which checkpoints fit a run: those of the same data, settings and decoder."""

import json
from itertools import zip_longest

import keras

from captioning.decoder import model_text
from captioning.decoder.batches import Data
from captioning.decoder.checkpoints import Checkpoint
from captioning.decoder.errors import BEGIN_ANEW
from captioning.decoder.train_state import TrainState
from captioning.settings import Settings


def describe_run(state: TrainState, train: Data, val: Data, vocab: dict, settings: Settings, recipe: dict,
                 models: dict[str, keras.Model]) -> dict:
    """What each checkpoint of a run says about it, as JSON can hold it.

    Args:
        state: the variables whose shapes a checkpoint must have.
        train: the training photos and captions.
        val: the validation photos and captions.
        vocab: word -> index.
        settings: of the run.
        recipe: of the embeddings.
        models: those that write captions, by name.
    """
    return {
        "settings": settings.as_dict(), "vocab": vocab, "recipe": recipe, "shapes": state.shapes(),
        "models": describe_models(state, models), "decoder": model_text.outline(state.model),
        "captions": {"training": train.digest(), "validation": val.digest()},
    }


def describe_models(state: TrainState, models: dict[str, keras.Model]) -> dict:
    """The models that write captions, as text; their weights are the averaged ones."""
    return model_text.describe(models, {"model": state.model.variables, "average": state.model.trainable_variables})


def require_same_run(checkpoint: Checkpoint, run: dict):
    """Refuses a checkpoint of another run.

    Args:
        checkpoint: one that was read.
        run: what `describe_run` returned. It may hold "began_with" too, the digest of the weights before.

    Raises:
        ValueError: something differs; the message has both values.
    """
    there, here = checkpoint.about, json.loads(json.dumps(run))
    settings, recipe, captions = (
        there[key] if isinstance(there.get(key), dict) else {} for key in ("settings", "recipe", "captions"))
    pairs = [(name, settings.get(name), here["settings"][name]) for name in Settings.fixed_on_resume()]
    pairs += [(f"embeddings' {key}", recipe.get(key), here["recipe"][key]) for key in here["recipe"]]
    pairs += [(f"digest of the {split} captions", captions.get(split), here["captions"][split])
              for split in here["captions"]]
    pairs += [("shapes of the decoder's weights", there.get("shapes"), here["shapes"]),
              ("vocabulary", there.get("vocab"), here["vocab"]),
              ("digest of the weights before", there.get("began_with"), here.get("began_with")),
              _first_difference(there.get("decoder"), here["decoder"])]
    different = [f"{name}: {str(theirs):.100} there, {str(mine):.100} here"
                 for name, theirs, mine in pairs if theirs != mine]
    if different:
        raise ValueError(
            f"The checkpoint {checkpoint.path} does not fit this run ({'; '.join(different)}). Undo the change, "
            f"or start again: delete {checkpoint.path.parent} or set CAPTION_CHECKPOINT_ROOT to another folder. "
            f"{BEGIN_ANEW}"
        )


def _first_difference(theirs, mine) -> tuple:
    """Where the outlines of two decoders first differ: a name for the step, theirs, mine."""
    if not isinstance(theirs, list):
        return "decoder", theirs, mine
    steps = enumerate(zip_longest(theirs, mine))
    return next(((f"step {step} of the decoder", *pair) for step, pair in steps if pair[0] != pair[1]),
                ("decoder", theirs, mine))
