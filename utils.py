"""What the notebooks use of the package beside the networks, listed by purpose. No logic stands here.

settings:   Settings
tokens:     PAD, UNK, START, END, split_sentence
data:       load_dataset, open_photos, readable_photos, decode_photo, center_crop, IMG_SIZE
embeddings: embed_split, read_embeddings
figures:    plot_photos, plot_embedding_map, plot_temperature, plot_captions_by_temperature,
            plot_explanation, plot_confusions
live:       hushed, TrainingPicture, photo_chooser, show_photo_file
scores:     score_captions, cider_difference, ScoreTable, JAVA_METRICS, NoJavaScore
rewards:    CaptionReward
baselines:  score_baselines, most_frequent_caption, nearest_photos, nearest_photo_captions, hold_out_reference,
            human_agreement
diversity:  caption_diversity, confused_photos
gallery:    propose_examples, reasons_by_scene, caption_confidence, REASONS, Album, plot_gallery, write_gallery
files:      write_results, write_json, written_aside
"""

from captioning.datasets.loading import load_dataset
from captioning.datasets.photo_folder import open_photos
from captioning.datasets.tokens import END, PAD, START, UNK, split_sentence
from captioning.encoder.cache import embed_split, read_embeddings
from captioning.figures.confusions import plot_confusions
from captioning.figures.embedding_map import plot_embedding_map
from captioning.figures.explanation import plot_explanation
from captioning.figures.live import TrainingPicture, photo_chooser, show_photo_file
from captioning.figures.photo_grid import plot_photos
from captioning.figures.temperatures import plot_captions_by_temperature, plot_temperature
from captioning.gallery.album import Album
from captioning.gallery.figure import plot_gallery
from captioning.gallery.page import write_gallery
from captioning.gallery.proposals import caption_confidence, propose_examples
from captioning.gallery.reasons import REASONS
from captioning.gallery.truth import reasons_by_scene
from captioning.photos.crop import IMG_SIZE, center_crop
from captioning.photos.decode import decode_photo, readable_photos
from captioning.scoring.baselines import hold_out_reference, human_agreement, most_frequent_caption, score_baselines
from captioning.scoring.confusions import confused_photos
from captioning.scoring.difference import cider_difference
from captioning.scoring.diversity import caption_diversity
from captioning.scoring.java import NoJavaScore
from captioning.scoring.metrics import JAVA_METRICS
from captioning.scoring.nearest import nearest_photo_captions, nearest_photos
from captioning.scoring.results import write_results
from captioning.scoring.reward import CaptionReward
from captioning.scoring.scores import score_captions
from captioning.scoring.table import ScoreTable
from captioning.settings import Settings
from captioning.startup import hushed
from captioning.storage.files import write_json, written_aside

__all__ = [
    "Settings",
    "PAD", "UNK", "START", "END", "split_sentence",
    "load_dataset", "open_photos", "readable_photos", "decode_photo", "center_crop", "IMG_SIZE",
    "embed_split", "read_embeddings",
    "plot_photos", "plot_embedding_map", "plot_temperature", "plot_captions_by_temperature",
    "plot_explanation", "plot_confusions",
    "hushed", "TrainingPicture", "photo_chooser", "show_photo_file",
    "score_captions", "cider_difference", "ScoreTable", "JAVA_METRICS", "NoJavaScore",
    "CaptionReward",
    "score_baselines", "most_frequent_caption", "nearest_photos", "nearest_photo_captions", "hold_out_reference",
    "human_agreement",
    "caption_diversity", "confused_photos",
    "propose_examples", "reasons_by_scene", "caption_confidence", "REASONS", "Album", "plot_gallery", "write_gallery",
    "write_results", "write_json", "written_aside",
]
