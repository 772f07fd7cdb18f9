"""Recipes: what embeddings depend on, and how two of them differ."""

ARITHMETIC = "arithmetic"           # digest of a test photo's embedding: other processors and versions round otherwise


def different_recipe(found: dict, wanted: dict, there: str = "there", here: str = "here") -> str:
    """How two recipes of embeddings differ.

    Args:
        found: The recipe that a cache or a checkpoint names.
        wanted: The recipe of this run.
        there: Words for where `found` is.
        here: Words for where `wanted` is.

    Returns:
        For each key that differs both values, as in "weights: 'drawn' there, 'imagenet' here"; empty if none differs.
    """
    different = [key for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key)]
    return "; ".join(f"{key}: {found.get(key)!r:.80} {there}, {wanted.get(key)!r:.80} {here}" for key in different)


def without(recipe: dict, *keys: str) -> dict:
    """The recipe without these keys."""
    return {key: value for key, value in recipe.items() if key not in keys}
