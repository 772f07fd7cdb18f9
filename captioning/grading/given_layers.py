"""Does the decoder use the layers that the notebook gives, each in its place, and can training change them?

Values tell most of it, so any style of solution passes. Where values can't tell, the order of the layers does. Layers
that the decoder does not have do not count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from captioning.grading.decoder_probe import SEED, Probe, model_of, run
from captioning.grading.report import Problem, some

TOLERANCE = 1e-3                    # of the largest value: GPUs round this much

# The layers that the notebook gives, in their order on the way to a tensor, and how a learner should use each.
_IMAGE_LAYERS = {
    "standardize": "begin with image, which has been standardized, and not with img_embeds",
    "image_dropout": "begin with image, part of which is hidden in training, and not with img_embeds",
    "img_embed_to_bottleneck": "send image through it",
    "img_embed_bottleneck_to_h0": "send the bottleneck of the image through it",
}
_WORD_LAYERS = {
    "lstm": "give it word_embeds, and initial_state=[h0, c0]",
    "dropout": "send hidden_states through it before you flatten them",
}
_LOGIT_LAYERS = {
    "token_logits_bottleneck": "send flat_hidden_states through it",
    "token_logits": "send the bottleneck of the logits through it",
}
LAYERS = {
    "h0": _IMAGE_LAYERS,
    "c0": _IMAGE_LAYERS,
    "word_embeds": {"word_embed": "send sentences[:, :-1] through it"},
    "flat_hidden_states": _WORD_LAYERS,
    "flat_token_logits": _WORD_LAYERS | _LOGIT_LAYERS,
}
_BEFORE = {"flat_hidden_states": ("h0", "c0", "word_embeds"), "flat_token_logits": ("flat_hidden_states",)}
DROPOUTS = {"h0": "image_dropout", "flat_token_logits": "dropout"}


def given(decoder, tensor) -> dict:
    """{name: layer} of the layers that the decoder has for a tensor, in their order."""
    import keras

    layers = {name: getattr(decoder, name, None) for name in LAYERS.get(tensor, ())}
    return {name: layer for name, layer in layers.items() if isinstance(layer, keras.Layer)}


def other_steps(decoder, tensor, found: Probe) -> list[str]:
    """Names of what changes values on the way to a tensor, beside the given layers, since the tensors before it."""
    known = {id(layer) for name in LAYERS for layer in given(decoder, name).values()}
    weights = {id(weight) for name in LAYERS for layer in given(decoder, name).values() for weight in layer.variables}
    for name in _BEFORE.get(tensor, ()):
        if name in found.values:
            known |= {id(operation) for operation in model_of(decoder, [name]).operations}
    steps = []
    for operation in model_of(decoder, [tensor]).operations:
        kept = {id(weight) for weight in getattr(operation, "variables", ())}
        plain = type(operation).__name__ in ("InputLayer", "Reshape", "GetItem", "Flatten", "Identity")
        if id(operation) not in known and not (plain or kept and kept <= weights):
            steps.append(operation.name)
    return steps


def problems(decoder, tensors, found: Probe) -> Iterator[Problem]:
    """The first given layer that is not used, stands in another place, or is followed by something else.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        tensors: names of those to look at.
        found: their values.
    """
    of_tensors = {tensor: given(decoder, tensor) for tensor in tensors if given(decoder, tensor)}
    if not of_tensors:
        return
    with _stirred(decoder, found) as stirred:
        for tensor, layers in of_tensors.items():
            wrong = _unused_problem(decoder, tensor, layers, stirred) or _order_problem(decoder, tensor, layers)
            wrong = wrong or _value_problem(decoder, tensor, layers, stirred)
            if wrong:
                yield wrong
                return


@contextmanager
def _stirred(decoder, found):
    """Values of the tensors for other weights, which are put back afterwards.

    A layer that does nothing at its start, such as BatchNormalization or one with weights of 0, does something then.
    """
    model = model_of(decoder, [name for name in found.values if name in LAYERS])
    rng = np.random.default_rng(SEED)
    before = [(variable, variable.numpy()) for variable in model.variables if "float" in str(variable.dtype)]
    try:
        for variable, value in before:
            if value.ndim > 1:          # small enough that no LSTM saturates, where all inputs give the same
                most = 2 / np.sqrt(value.shape[-2])
                noise = rng.uniform(-most, most, value.shape)
            else:                       # perhaps a variance, which stays positive
                noise = rng.uniform(0, 0.3, value.shape)
            variable.assign(value + noise)
        yield replace(found, values=found.values | run(model, found.images, found.sentences))
    finally:
        for variable, value in before:
            variable.assign(value)


def _unused_problem(decoder, tensor, layers, found):
    """The problem of a layer whose weights, or random numbers, the tensor does not come from."""
    model = model_of(decoder, [tensor])
    used = _identities(model.variables)
    unused = [name for name, layer in layers.items() if not used.issuperset(_identities(layer.variables))]
    unbuilt = [name for name, layer in layers.items() if not getattr(layer, "cell", layer).built]
    if not (unused or unbuilt):
        return None
    name = [name for name in layers if name in (*unused, *unbuilt)][0]
    if layers[name].trainable_weights and not unbuilt and _is_composition(decoder, tensor, layers, found):
        return Problem(f"The weights of decoder.{name} are hidden, perhaps in a Lambda, so training does not change "
                       f"them: call decoder.{name} on a tensor.")
    return Problem(f"decoder.{name} is not used for decoder.{tensor}: {LAYERS[tensor][name]}.")


def _order_problem(decoder, tensor, layers):
    """The problem of layers in another order. Layers that another layer holds stand in that one's place."""
    order = [_identities(layer.variables) for layer in _layers_of(model_of(decoder, [tensor]))]
    place = {name: next(i for i, held in enumerate(order) if held.issuperset(_identities(layer.variables)))
             for name, layer in layers.items() if layer.variables}
    came = sorted(place, key=place.get)
    if [place[name] for name in place] == sorted(place.values()):
        return None
    return Problem(f"The layers on the way to decoder.{tensor} stand in another order.", ", ".join(place),
                   ", ".join(came))


def _layers_of(model):
    """All layers of a model and of the models in it, in the order of the data."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers_of(layer)
        else:
            yield layer


def _identities(variables):
    return {id(variable) for variable in variables}


def _value_problem(decoder, tensor, layers, found):
    """The problem of a tensor that is not what the layers make of the one before."""
    if _is_composition(decoder, tensor, layers, found):
        return None
    others = other_steps(decoder, tensor, found)
    what = f"take {some(others)} out" if others else "take out what else changes it"
    why = " Captions are written with the given layers alone." if tensor not in ("h0", "c0") else ""
    names = _weighty(layers)
    return Problem(f"decoder.{tensor} is not what {' and '.join(names)} {'gives' if len(names) == 1 else 'give'}: "
                   f"{what}.{why}", f"{tensor} made by {', then '.join(names)} alone",
                   f"also by {some(others)}" if others else "other values")


def _weighty(layers):
    """Names of the layers that do something outside training."""
    return [name for name in layers if "dropout" not in name]


def _is_composition(decoder, tensor, layers, found) -> bool:
    """Whether the tensor is what the given layers make of the tensor before it; True also if one is missing."""
    made = _composed(tensor, layers, found)
    came = found.values[tensor]
    return made is None or np.allclose(np.reshape(made, came.shape), came, atol=TOLERANCE * np.abs(came).max())


def _composed(tensor, layers, found):
    """What the given layers make of the tensor before, or None if a layer is missing."""
    steps = {name: layer for name, layer in layers.items() if "dropout" not in name}
    if len(steps) < sum("dropout" not in name and name != "standardize" for name in LAYERS[tensor]):
        return None
    values = found.values
    if tensor in ("h0", "c0"):
        value = found.images
    elif tensor == "word_embeds":
        value = found.sentences[:, :-1]
    elif tensor == "flat_hidden_states":
        states = [values["h0"], values.get("c0", values["h0"])]
        return steps["lstm"](values["word_embeds"], initial_state=states, training=False)
    else:
        value = values["flat_hidden_states"]
        steps = {name: layer for name, layer in steps.items() if name != "lstm"}
    for layer in steps.values():
        value = layer(value, training=False)
    return value


def first_state_problems(decoder, found: Probe) -> Iterator[Problem]:
    """Does the first hidden state follow from both h0 and c0? The decoder's own LSTM cell tells."""
    import keras

    lstms = [layer for layer in model_of(decoder, ["flat_hidden_states"]).layers
             if isinstance(layer, keras.layers.LSTM)]
    if len(lstms) != 1 or not {"h0", "word_embeds"} <= found.values.keys():
        return                  # built in another style
    h0 = found.values["h0"]
    c0 = found.values.get("c0", h0)
    zeros = np.zeros_like(h0)
    came = found.rows("flat_hidden_states")[:, 0]
    for forgotten, state in {"": [h0, c0], "c0": [h0, zeros], "h0": [zeros, c0]}.items():
        if np.allclose(came, lstms[0].cell(found.values["word_embeds"][:, 0], state)[0], atol=1e-5):
            if forgotten:
                yield Problem(f"{forgotten} of the LSTM does not come from the image: give it initial_state=[h0, c0].",
                              f"{forgotten} = decoder.{forgotten}", f"{forgotten} = 0")
            return


def weights_of_zeros(model) -> list[str]:
    """Names of the matrices of weights that are all 0."""
    return [weight.path for weight in model.trainable_weights if len(weight.shape) > 1 and not np.any(weight)]


# -------------------------------------------------------------------------------------------------------- training

def training_problems(decoder, tensors, found: Probe) -> Iterator[Problem]:
    """Do the given dropouts hide something in training, and does the loss reach all weights?

    Args:
        decoder: a class that holds symbolic Keras tensors.
        tensors: names of those to look at.
        found: a batch.
    """
    for tensor, name in DROPOUTS.items():
        layer = given(decoder, tensor).get(name)
        if tensor in tensors and layer is not None and getattr(layer, "rate", 0) > 0:
            others = [given(decoder, other).get(DROPOUTS[other]) for other in DROPOUTS if other != tensor]
            if not _is_random(model_of(decoder, [tensor]), tensor, others, found):
                yield Problem(f"decoder.{name} hides nothing in training: call it without training=False.",
                              f"other values of decoder.{tensor} each time", "the same values twice")
    if "loss" in tensors:
        yield from _gradient_problems(decoder, found)


def _is_random(model, tensor, others, found) -> bool:
    """Whether a tensor changes from one time to the next in training, while other dropouts rest."""
    rates = [(layer, layer.rate) for layer in others if hasattr(layer, "rate")]
    with _unchanged(model):
        try:
            for layer, _ in rates:
                layer.rate = 0
            one, two = (run(model, found.images, found.sentences, training=True)[tensor] for _ in range(2))
        finally:
            for layer, rate in rates:
                layer.rate = rate
    return not np.array_equal(one, two)


@contextmanager
def _unchanged(model):
    """Puts statistics and random states back as they were: a call in training changes them."""
    before = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _gradient_problems(decoder, found):
    """Does the gradient of the loss reach all weights, those of the given layers too?"""
    import tensorflow as tf

    model = model_of(decoder, ["loss"])
    layers = {name: layer for tensor in LAYERS for name, layer in given(decoder, tensor).items()}
    frozen = [name for name, layer in layers.items() if layer.weights and layer.trainable_weights == []
              and name != "standardize"]
    if frozen:
        yield Problem(f"decoder.{frozen[0]} is frozen: training would not change it. Leave trainable as it is.",
                      "trainable=True", "trainable=False")
        return
    with tf.GradientTape() as tape:
        loss = model([found.images, found.sentences], training=False)["loss"]
    weights = model.trainable_weights
    slopes = tape.gradient(loss, [weight.value for weight in weights])
    stuck = [weight.path for weight, slope in zip(weights, slopes)
             if slope is None or not np.any(tf.convert_to_tensor(slope))]
    if stuck:
        yield Problem(f"The loss does not reach the weights {some(stuck, 3)}, so training can't change them: take out "
                      "what has no gradient, such as stop_gradient or argmax.", "a gradient for all weights",
                      f"none for {len(stuck)} of {len(weights)}")
