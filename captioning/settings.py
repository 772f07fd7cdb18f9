"""Settings of a run: one frozen dataclass, each field settable from the environment as CAPTION_<NAME>.

No other module reads the environment.
"""

import getpass
import os
import re
import warnings
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

ENVIRONMENT_PREFIX = "CAPTION_"
DATASETS = ("drawn", "coco2014", "folder")
PRECISIONS = ("auto", "float32", "bfloat16", "int8")
ENCODERS = ("inception_v3", "mobilenet_v3", "efficientnet_v2_b0")
DEFAULT_ENCODER_WEIGHTS = {"drawn": "drawn", "coco2014": "imagenet", "folder": "imagenet"}

# What is left open in the settings is filled from the first row whose number of training photos is not exceeded.
# Small data is learnt by heart soon: fewer steps, and dropout. The last row is the course's budget for MSCOCO.
BUDGETS = (
    (20_000, {"epochs": 12, "batches_per_epoch": 200, "dropout": 0.3, "image_dropout": 0.5,
              "self_critical_epochs": 12}),
    (float("inf"), {"epochs": 12, "batches_per_epoch": 1_000, "dropout": 0.0, "image_dropout": 0.0,
                    "self_critical_epochs": 0}),
)


# The least and the most that makes sense; whole numbers where the least one is.
LIMITS = {
    "epochs": (1, 100_000),
    "batches_per_epoch": (1, 10_000_000),
    "batch_size": (1, 65_536),
    "max_len": (3, 1_000),
    "val_batches": (1, 1_000_000),
    "dropout": (0.0, 0.99),
    "image_dropout": (0.0, 0.99),
    "learning_rate": (1e-9, 10),
    "self_critical_epochs": (0, 100_000),
    "self_critical_rate": (1e-9, 10),
    "checkpoint_minutes": (0.0, 10_080),
    "seed": (0, 2**32 - 1),             # NumPy's and Keras's range
}


@dataclass(frozen=True)
class Settings:
    """What fixes a run. Fields that are None are filled by `completed` once the number of photos is known."""

    dataset: str = "drawn"
    data_dir: Path | None = None            # where the three zips are or go; default data/<dataset>
    encoder: str = "inception_v3"           # mobilenet_v3 and efficientnet_v2_b0 are smaller and faster
    encoder_weights: str | None = None      # "drawn", "imagenet" or a file; each dataset names its default
    precision: str = "auto"                 # "auto": bfloat16 where the processor has it; int8 is of the encoder only
    checkpoint_root: Path = Path("checkpoints")
    output_dir: Path = Path("outputs")
    epochs: int | None = None
    batches_per_epoch: int | None = None
    batch_size: int = 64                    # captions
    max_len: int = 20                       # tokens of a caption, #START# and #END# included
    val_batches: int = 100
    dropout: float | None = None            # share of the LSTM's outputs dropped in training
    image_dropout: float | None = None      # share of each photo's embedding dropped in training
    learning_rate: float = 1e-3
    self_critical_epochs: int | None = None     # of fine-tuning on the score itself, 50 batches each; 0 leaves it out
    self_critical_rate: float = 2e-4        # the learning rate there
    checkpoint_minutes: float = 5           # between checkpoints inside an epoch; there is one after each epoch too
    seed: int = 42
    mirrors: str = field(default="", repr=False)    # addresses to download from first, with spaces between
    grader_url: str = "https://www.coursera.org/api/onDemandProgrammingScriptSubmissions.v1"   # where answers are sent
    grader_assignment: str = "NEDBg6CgEee8nQ6uE8a7OA"       # what the service calls this assignment

    def __post_init__(self):
        _one_of("dataset", self.dataset, DATASETS)
        _one_of("encoder", self.encoder, ENCODERS)
        _one_of("precision", self.precision, PRECISIONS)
        if self.dataset == "folder" and self.data_dir is None:
            raise ValueError(
                f"{ENVIRONMENT_PREFIX}DATASET=folder needs {ENVIRONMENT_PREFIX}DATA_DIR, the folder that holds "
                "train2014.zip, val2014.zip and annotations_trainval2014.zip."
            )
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in LIMITS and (value is not None or each.default is not None):
                _within(each.name, value, *LIMITS[each.name])
        _secure_address("grader_url", self.grader_url)
        defaults = {"data_dir": Path("data") / self.dataset, "encoder_weights": DEFAULT_ENCODER_WEIGHTS[self.dataset]}
        for name, default in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)         # the way to set a field of a frozen dataclass
        for name in ("data_dir", "checkpoint_root", "output_dir"):
            object.__setattr__(self, name, _path(name, getattr(self, name)))
        if str(self.encoder_weights).startswith("~"):
            object.__setattr__(self, "encoder_weights", str(_path("encoder_weights", self.encoder_weights)))
        if self.encoder_weights == "drawn" and self.encoder != "inception_v3":
            raise ValueError(f"{ENVIRONMENT_PREFIX}ENCODER is {self.encoder}, but only inception_v3 has weights of the "
                             f"drawn world: set {ENVIRONMENT_PREFIX}ENCODER_WEIGHTS to `imagenet` or a file.")

    def __str__(self):
        return "\n".join(f"{name:22}{'by the size of the data' if value is None else value}"
                         for name, value in self.as_dict().items() if value != "")

    @property
    def run_name(self) -> str:
        """Name of this run's folders: the dataset, for `folder` with the folder's own name."""
        return self.dataset if self.dataset != "folder" else f"folder-{self.data_dir.resolve().name}"

    @property
    def cache_dir(self) -> Path:
        """Where embeddings are kept. A folder of the user's own is only read, so its cache lies in data/."""
        return (Path("data") / self.run_name if self.dataset == "folder" else self.data_dir) / "embeddings"

    @property
    def checkpoint_dir(self) -> Path:
        return self.checkpoint_root / self.run_name

    @property
    def steps(self) -> int:
        """Training steps in all; known once the settings are completed."""
        return self.epochs * self.batches_per_epoch

    def completed(self, train_photos: int) -> "Settings":
        """These settings with the training budget that suits so many photos, where none was asked for."""
        budget = next(budget for most_photos, budget in BUDGETS if train_photos <= most_photos)
        return replace(self, **{name: value for name, value in budget.items() if getattr(self, name) is None})

    def as_dict(self) -> dict:
        """JSON-able: paths as strings, addresses without their passwords."""
        values = {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()}
        return values | {"mirrors": re.sub(r"//[^/\s]*@", "//", self.mirrors)}

    @classmethod
    def from_environment(cls, **defaults) -> "Settings":
        """Settings from CAPTION_* variables, with `defaults` for those that are not set.

        Raises ValueError naming the variable, its value and what was expected. A CAPTION_* variable that is no
        setting is warned of, so that a misspelt one does not go unnoticed.
        """
        known = {ENVIRONMENT_PREFIX + each.name.upper(): each for each in fields(cls)}
        values = dict(defaults)
        for variable, text in os.environ.items():
            if not variable.startswith(ENVIRONMENT_PREFIX) or variable in CREDENTIALS:
                continue
            if variable not in known:
                warnings.warn(f"{variable} is no setting and is ignored. Settings: {', '.join(known)}.", stacklevel=2)
            elif text:
                values[known[variable].name] = _parse(variable, text, known[variable].type)
        return cls(**values)


CREDENTIALS = (ENVIRONMENT_PREFIX + "GRADER_EMAIL", ENVIRONMENT_PREFIX + "GRADER_TOKEN")


def grader_credentials() -> tuple[str, str]:
    """E-mail and submission token for the course's grader: from the environment, else asked for.

    Either is empty if it was not given. The values belong in no cell, file or message; what is typed is not shown,
    because JupyterLab would keep it in the cell's output.
    """
    email, token = (os.environ.get(variable, "").strip() for variable in CREDENTIALS)
    email = email or getpass.getpass("E-mail of your course account (not shown): ").strip()
    token = token or getpass.getpass("Submission token (not shown): ").strip()
    return email, token


def environment_for_strangers(**settings) -> dict[str, str]:
    """The environment for a process that runs what others wrote: without credentials, with these settings.

    settings: values by the names of the fields.
    """
    ours = {ENVIRONMENT_PREFIX + name.upper(): str(value) for name, value in settings.items()}
    return {variable: text for variable, text in os.environ.items() if variable not in CREDENTIALS} | ours


def _secure_address(name, value):
    """Raises ValueError unless the address keeps a token from those who listen: https, or this very machine."""
    try:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1")
        fine = secure and parts.hostname and "@" not in parts.netloc
    except (ValueError, TypeError, AttributeError):
        fine = False
    if not fine:
        shown = re.sub(r"//.*@", "//…@", str(value))        # a password, if there is one, goes into no message
        raise ValueError(f"{ENVIRONMENT_PREFIX}{name.upper()} is {shown!r:.200}; expected an address that begins with "
                         "https:// and holds no password.")


def _one_of(name, value, choices):
    if value not in choices:
        raise ValueError(f"{ENVIRONMENT_PREFIX}{name.upper()} is {value!r}; expected one of {', '.join(choices)}.")


def _within(name, value, least, most):
    kinds, what = ((int,), "a whole number") if isinstance(least, int) else ((int, float), "a number")
    if not isinstance(value, kinds) or not least <= value <= most:
        raise ValueError(f"{ENVIRONMENT_PREFIX}{name.upper()} is {value!r:.60}; expected {what} "
                         f"from {least:,} to {most:,}.")


def _path(name, value) -> Path:
    try:
        return Path(value).expanduser()
    except (TypeError, RuntimeError):           # the second: no home folder is known for ~somebody
        raise ValueError(f"{ENVIRONMENT_PREFIX}{name.upper()} is {str(value)!r:.200}; expected a path.") from None


def _parse(variable, text, kind):
    """`text` as the field's type, which dataclasses gives as written: `int`, `float | None`, `Path`, ..."""
    convert, expected = str, "text"
    if kind in (int, int | None):
        convert, expected = int, "a whole number"
    elif kind in (float, float | None):
        convert, expected = float, "a number"
    elif kind in (Path, Path | None):
        convert, expected = Path, "a path"
    try:
        text.encode()                           # bytes that are no UTF-8 could not be written down later
        return convert(text)
    except ValueError:
        raise ValueError(f"{variable} is {text!r:.200}; expected {expected}.") from None
