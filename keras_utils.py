"""What the notebooks use of the package that needs Keras, listed by purpose. No logic stands here.

encoder:    get_cnn_encoder
training:   undone, Trainer, Data, SelfCritical
captions:   CaptionWriter, Caption
"""

from captioning.decoder.fine_tuning import SelfCritical
from captioning.decoder.trainer import Data, Trainer
from captioning.decoder.undone import undone
from captioning.decoding.writer import Caption, CaptionWriter
from captioning.encoder.cnn import get_cnn_encoder

__all__ = [
    "get_cnn_encoder",
    "undone", "Trainer", "Data", "SelfCritical",
    "CaptionWriter", "Caption",
]
