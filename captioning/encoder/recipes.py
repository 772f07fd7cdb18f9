"""Recipes: what embeddings depend on, and how two of them differ."""


def different_recipe(found: dict, wanted: dict, there: str = "there", here: str = "here") -> str:
    """How two recipes of embeddings differ.

    Args:
        found: The recipe of what is there, such as a cache or a checkpoint.
        wanted: The recipe of what is needed here.
        there: Words for where `found` is.
        here: Words for where `wanted` is.

    Returns:
        Such as "weights: 'drawn' there, 'imagenet' here; …" for each key that differs; empty if they are the same.
    """
    different = [key for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key)]
    return "; ".join(f"{key}: {found.get(key)!r:.80} {there}, {wanted.get(key)!r:.80} {here}" for key in different)
