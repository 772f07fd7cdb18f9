"""Image captioning: photos to embeddings, embeddings to captions, captions to a gallery that peers review."""
