"""Image captioning: photos to embeddings, embeddings to captions, captions to a gallery that peers review."""

from captioning.streams import open_closed_streams

open_closed_streams()
