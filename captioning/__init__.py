"""Image captioning: photos to embeddings, embeddings to captions, captions to a gallery that peers review."""

import os

from captioning import streams

streams.open_closed()
streams.print_any_text()

# TensorFlow and Keras read their environment when they are imported. These variables would choose another arithmetic,
# so that the same recipe gave other numbers, or another backend, on which the project does not run.
for _variable in ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE",
                  "DNNL_DEFAULT_FPMATH_MODE", "TF_XLA_FLAGS", "TF_DISABLE_MKL"):
    os.environ.pop(_variable, None)
os.environ["KERAS_BACKEND"] = "tensorflow"
