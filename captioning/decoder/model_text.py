"""Keras models as text and back, so that a checkpoint can write captions without the code that made its decoder.

The text lists the layers with their sizes, and for each weight the name of its array in the checkpoint. Only layers of
a known list are made from text: no Lambda, no classes of other people, no code.
"""

import copy
import json

import keras

from captioning.decoder.checkpoints import array_name

# Layers that only compute: they read no files and run no code from the text.
LAYERS = frozenset({
    "InputLayer", "Dense", "Embedding", "LSTMCell", "GRUCell", "SimpleRNNCell", "BatchNormalization",
    "LayerNormalization", "UnitNormalization", "Dropout", "Activation", "ELU", "ReLU", "LeakyReLU", "Softmax", "Add",
    "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Reshape", "Flatten", "Identity",
})
KNOWN = {*(("keras.layers", name) for name in LAYERS), ("keras", "DTypePolicy"), ("None", "__keras_tensor__")}
OF_TRAINING = {"_initializer": "zeros", "_regularizer": None, "_constraint": None, "seed": None}   # by how names end
WHY_NOT = "why not"

# The parts of a layer's configuration that change its result but not the shape of any weight.
SHAPES_RESULT = ("activation", "axis", "center", "from_logits", "go_backwards", "keepdims", "return_sequences", "scale")


def describe(models: dict[str, keras.Model], weights: dict[str, list]) -> dict:
    """Models in a form that JSON can hold.

    Args:
        models: by name.
        weights: {group: variables}, in the order in which a checkpoint names their arrays. If a variable is in several
            groups, the last one counts.

    Returns:
        {name: {"config": its layers, "arrays": the names of its weights' arrays}}, or {"why not": the reason} if a
        model can't be made from text again.
    """
    arrays = {id(variable): array_name(group, i) for group, variables in weights.items()
              for i, variable in enumerate(variables)}
    described = {}
    try:
        for name, model in models.items():
            config = _for_use(json.loads(model.to_json())["config"])
            _require_known(config)
            described[name] = {"config": config, "arrays": [arrays[id(variable)] for variable in model.variables]}
    except KeyError:
        return {WHY_NOT: f"{name} has weights that are not trained"}
    except (TypeError, ValueError, NotImplementedError) as error:
        return {WHY_NOT: f"{name}: {error!s:.500}"}
    return described


def rebuild(described: dict, arrays: dict, names: tuple[str, ...]) -> list[keras.Model]:
    """Makes models from what `describe` returned.

    Args:
        described: from a checkpoint, so it may be anything.
        arrays: the checkpoint's arrays by name.
        names: of the models to make.

    Returns:
        The models with their weights.

    Raises:
        ValueError: a model is missing, has an unknown layer, or does not fit its arrays.
    """
    if not isinstance(described, dict) or not all(isinstance(described.get(name), dict) for name in names):
        reason = described.get(WHY_NOT) if isinstance(described, dict) else None
        reason = f"{reason or 'none were given to Trainer'!s:.500}"
        raise ValueError(f"it does not hold the models that write captions ({reason})")
    return [_model(described[name], arrays) for name in names]


def outline(model: keras.Model) -> list[str]:
    """The model's layers and operations in order, a line each with their inputs: `#0` is the first one's result.

    Two models made by the same code have the same outline, although Keras gives them different names. The list is empty
    for a model that Keras can't turn into text.
    """
    try:
        steps = json.loads(model.to_json())["config"]["layers"]
    except (TypeError, ValueError, NotImplementedError):
        return []
    numbers = {step["name"]: f"#{number}" for number, step in enumerate(steps)}
    lines = []
    for step in steps:
        details = {key: step["config"][key] for key in SHAPES_RESULT if key in step["config"]}
        parts = [_without_names(node[key], numbers) for node in step["inbound_nodes"] for key in ("args", "kwargs")]
        lines.append(" ".join([step["class_name"], *(json.dumps(part) for part in (*parts, details) if part)]))
    return lines


def _without_names(part, numbers):
    """A step's arguments, with each tensor replaced by the number of the step that it comes from."""
    if isinstance(part, list):
        return [_without_names(each, numbers) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("class_name") == "__keras_tensor__":
        name, _, tensor = part["config"]["keras_history"]
        return numbers[name] + f".{tensor}" * bool(tensor)
    if part.get("class_name") == "__slice__":
        start, stop, step = ("" if part["config"][key] is None else str(part["config"][key])
                             for key in ("start", "stop", "step"))
        return f"{start}:{stop}" + f":{step}" * bool(step)
    return {key: _without_names(value, numbers) for key, value in part.items() if value is not None}


def _model(described, arrays) -> keras.Model:
    config, names = described.get("config"), described.get("arrays")
    _require_known(config)
    _require_small(config, max((max(array.shape, default=0) for array in arrays.values()), default=0))
    try:
        model = keras.Model.from_config(copy.deepcopy(config))                  # from_config changes its argument
        expected = [tuple(variable.shape) for variable in model.variables]
        if [arrays[name].shape for name in names] != expected:
            raise ValueError(f"its arrays are not of the shapes {expected}")
    except Exception as error:          # a strange config makes Keras raise many kinds of errors
        raise ValueError(f"a model that writes captions can't be made of it: {error!s:.300}") from None
    for variable, name in zip(model.variables, names):
        variable.assign(arrays[name])
    return model


def _for_use(config):
    """A model's config without the parts that only training needs."""
    if isinstance(config, list):
        return [_for_use(part) for part in config]
    if not isinstance(config, dict):
        return config
    return {key: next((value for end, value in OF_TRAINING.items() if key.endswith(end)), _for_use(part))
            for key, part in config.items()}


def _require_known(config):
    """Raises ValueError when the config names a class that is not on the list."""
    if isinstance(config, dict) and "class_name" in config:
        named = str(config.get("module")), str(config["class_name"])
        if named not in KNOWN or config.get("registered_name") is not None:
            raise ValueError(f"{named[1]:.80} of {named[0]:.80} is none of the layers that can be made from text")
    for part in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _require_known(part)


def _require_small(config, greatest: int):
    """Raises ValueError when a size in the config is larger than any array: it would only fill the memory."""
    if isinstance(config, int) and config > greatest:
        raise ValueError(f"a model that writes captions has a layer of size {config:,}, larger than any array")
    for part in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _require_small(part, greatest)
