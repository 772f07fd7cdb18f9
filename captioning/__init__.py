"""Image captioning: photos to embeddings, embeddings to captions, captions to a gallery that peers review."""

import os
from pathlib import Path

from captioning.shadows import require_no_shadows
from captioning.streams import open_closed_streams

require_no_shadows(Path(__file__).resolve().parents[1])

# Files of weights are never changed in place. So they need no lock, which some network drives lack. HDF5 reads this
# variable when it is loaded.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
open_closed_streams()
