"""Recipes are compared key by key, and both values are named."""

import pytest

from captioning.encoder.recipes import different_recipe

RECIPE = {"encoder": "InceptionV3", "weights": "drawn", "batch": 32}


@pytest.mark.parametrize("change, expected", [
    ({}, ""),
    ({"weights": "imagenet"}, "weights: 'drawn' there, 'imagenet' here"),
    ({"size": 299}, "size: None there, 299 here"),
    ({"weights": "imagenet", "batch": "32"}, "batch: 32 there, '32' here; weights: 'drawn' there, 'imagenet' here"),
])
def test_the_keys_that_differ_are_named_with_both_values(change, expected):
    assert different_recipe(RECIPE, RECIPE | change) == expected


def test_a_key_that_only_the_found_recipe_has_is_a_difference():
    assert different_recipe(RECIPE | {"calibration": "x" * 200}, RECIPE) == f"calibration: '{'x' * 79} there, None here"
