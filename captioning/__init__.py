"""Image captioning: photos to embeddings, embeddings to captions, captions to a gallery that peers review."""

import os

from captioning import streams
from captioning.shadows import require_no_shadows

require_no_shadows(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
streams.open_closed()
streams.print_any_text()
streams.end_with_reader()

# TensorFlow and Keras read their environment when they are imported. These variables would choose another arithmetic,
# so that the same recipe gave other numbers, or another backend, on which the project does not run.
for _variable in ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE",
                  "DNNL_DEFAULT_FPMATH_MODE", "TF_XLA_FLAGS", "TF_DISABLE_MKL"):
    os.environ.pop(_variable, None)
os.environ["KERAS_BACKEND"] = "tensorflow"

# Files of weights are never changed in place. So they need no lock, which some network drives lack. HDF5 reads this
# variable when it is loaded.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
