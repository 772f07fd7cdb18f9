"""Photos to embeddings: networks, inference, int8, the cache of embeddings, Ray."""
