"""The figures of the notebook: diagrams, curves, and photos with captions."""
