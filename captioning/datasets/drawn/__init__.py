"""The drawn world: scenes, their pictures, and captions that are true of them."""
