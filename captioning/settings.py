"""Settings of a run: one frozen dataclass. Each field can be set in the environment as CAPTION_<NAME>.

Allowed values, help text and whether a resumed run may change a setting are metadata of its field: see `setting`.
`python -m captioning.settings` prints all settings as the page docs/settings.md.
"""

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

ENVIRONMENT_PREFIX = "CAPTION_"
CREDENTIALS = (ENVIRONMENT_PREFIX + "GRADER_EMAIL", ENVIRONMENT_PREFIX + "GRADER_TOKEN")   # for credentials.py only

DATASETS = ("drawn", "coco_small", "flickr8k", "coco2014", "coco2017", "folder")
PRECISIONS = ("auto", "float32", "bfloat16", "int8")
ENCODERS = ("inception_v3", "mobilenet_v3", "efficientnet_v2_b0")

# What fills the settings that are None. A decoder soon memorises a small dataset, so it gets fewer steps and dropout.
# LARGE is the course's for MSCOCO. docs/captions.md says how the values of SMALL were chosen.
FEW_PHOTOS = 20_000
DRAWN = {"epochs": 12, "batches_per_epoch": 200, "dropout": 0.3, "image_dropout": 0.5, "label_smoothing": 0.0,
         "learning_rate": 1e-3, "self_critical_epochs": 12, "cross_entropy_weight": 0.0}
SMALL = DRAWN | {"dropout": 0.4, "label_smoothing": 0.1, "learning_rate": 2e-3, "self_critical_epochs": 20,
                 "cross_entropy_weight": 0.4}
LARGE = DRAWN | {"batches_per_epoch": 1_000, "dropout": 0.0, "image_dropout": 0.0, "self_critical_epochs": 0,
                 "cross_entropy_weight": 0.4}

EXPECTED = {int: "a whole number", float: "a number", Path: "a path", str: "text"}


def setting(default, help: str, *, choices: Sequence[str] = (), least=None, most=None, values: str = "",
            default_text: str = "", https: bool = False, maybe_path: bool = False, fixed_on_resume: bool = False,
            **options):
    """A field of `Settings`. What holds for it becomes its metadata.

    Args:
        default: The field's value if nothing is set. None: filled in later, by `Settings` itself or by the budget.
        help: What it sets, in one line.
        choices: All values that are allowed.
        least: The lowest number that is allowed.
        most: The highest number that is allowed.
        values: The allowed values in words, where choices, limits and type do not tell.
        default_text: The default in words, where the default and the budgets do not tell.
        https: Whether it is an address that a secret is sent to.
        maybe_path: Whether a text can be a path, which may begin with `~`.
        fixed_on_resume: Whether a run that continues from a checkpoint must keep the value.
        options: Those of `dataclasses.field`.
    """
    return field(default=default, metadata={
        "help": help, "choices": tuple(choices), "least": least, "most": most, "values": values,
        "default_text": default_text, "https": https, "maybe_path": maybe_path,
        "fixed_on_resume": fixed_on_resume}, **options)


@dataclass(frozen=True)
class Settings:
    """All settings of a run. `completed` fills the fields that are None, once the number of photos is known.

    Raises:
        ValueError: A value is not allowed. The message names the variable, the value and what was expected.
    """

    dataset: str = setting(
        "drawn", "photos and captions: rendered scenes, real photos to download, or a folder of your own",
        choices=DATASETS)
    data_dir: Path | None = setting(
        None, "folder of the dataset; downloads go there. The dataset `folder` is only read",
        default_text="`data/<dataset>`; must be set for `folder`")
    encoder: str = setting(
        "inception_v3", "network that turns photos into embeddings; the other two are smaller and faster",
        choices=ENCODERS)
    encoder_weights: str | None = setting(
        None, "weights of that network", values="`drawn`, `imagenet` or a `.weights.h5` file",
        default_text="`drawn` for the dataset `drawn`, else `imagenet`", maybe_path=True)
    precision: str = setting(
        "auto", "number format: `auto` is bfloat16 where the processor has it, else float32; `int8` is for the "
        "encoder only", choices=PRECISIONS)
    checkpoint_root: Path = setting(Path("checkpoints"), "folder for checkpoints; each dataset has a folder in it")
    output_dir: Path = setting(Path("outputs"), "folder for results: captions, scores, the gallery")
    epochs: int | None = setting(None, "epochs of training", least=1, most=100_000)
    batches_per_epoch: int | None = setting(None, "batches in an epoch", least=1, most=10_000_000, fixed_on_resume=True)
    batch_size: int = setting(64, "captions in a batch", least=1, most=65_536, fixed_on_resume=True)
    max_len: int = setting(
        20, "tokens of a caption, `#START#` and `#END#` included; longer captions are cut", least=3, most=1_000,
        fixed_on_resume=True)
    val_batches: int = setting(
        100, "batches whose mean loss is the validation loss", least=1, most=1_000_000, fixed_on_resume=True)
    dropout: float | None = setting(
        None, "share of the LSTM's outputs that training drops", least=0, most=0.99, fixed_on_resume=True)
    image_dropout: float | None = setting(
        None, "share of each photo's embedding that training drops", least=0, most=0.99, fixed_on_resume=True)
    label_smoothing: float | None = setting(
        None, "share of each target word that training spreads over all words", least=0, most=0.99,
        fixed_on_resume=True)
    learning_rate: float | None = setting(None, "learning rate of Adam", least=1e-9, most=10, fixed_on_resume=True)
    self_critical_epochs: int | None = setting(
        None, "epochs of fine-tuning on CIDEr, 50 batches each; 0 leaves it out", least=0, most=100_000)
    self_critical_rate: float = setting(2e-4, "learning rate of fine-tuning", least=1e-9, most=10)
    cross_entropy_weight: float | None = setting(
        None, "weight of the cross-entropy of people's captions in fine-tuning; more keeps more of their words",
        least=0, most=100)
    checkpoint_minutes: float = setting(
        5, "minutes between checkpoints inside an epoch; each epoch also ends with one", least=0, most=10_080)
    seed: int = setting(        # from NumPy's and Keras's range
        42, "seed of all random numbers", least=0, most=2**32 - 1, fixed_on_resume=True)
    mirrors: str = setting(
        "", "servers to try first for downloads", values="addresses with spaces between", default_text="none",
        repr=False)
    grader_url: str = setting(
        "https://www.coursera.org/api/onDemandProgrammingScriptSubmissions.v1", "where answers are sent",
        values="an address that begins with https:// and holds no password", https=True)
    grader_assignment: str = setting("NEDBg6CgEee8nQ6uE8a7OA", "key of the assignment there")

    def __post_init__(self):
        for each in fields(self):
            object.__setattr__(self, each.name, _checked(each, getattr(self, each.name)))   # it is frozen
        if self.dataset == "folder" and self.data_dir is None:
            raise ValueError(
                f"{ENVIRONMENT_PREFIX}DATASET is folder, but {ENVIRONMENT_PREFIX}DATA_DIR is not set. Set it to the "
                "folder that holds your photos and captions. docs/datasets.md shows how they may lie there.")
        defaults = {"data_dir": Path("data") / self.dataset,
                    "encoder_weights": "drawn" if self.dataset == "drawn" else "imagenet"}
        for name, default in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        if self.encoder_weights == "drawn" and self.encoder != "inception_v3":
            raise ValueError(
                f"{ENVIRONMENT_PREFIX}ENCODER is {self.encoder}, but only inception_v3 has weights of the drawn "
                f"world. Set {ENVIRONMENT_PREFIX}ENCODER_WEIGHTS to `imagenet` or a file.")

    def __str__(self):
        return "\n".join(f"{name:22}{'by the size of the data' if value is None else value}"
                         for name, value in self.as_dict().items() if value != "")

    @property
    def run_name(self) -> str:
        """Name of this run's folders: the dataset, for `folder` with the folder's own name."""
        return self.dataset if self.dataset != "folder" else f"folder-{self.data_dir.resolve().name}"

    @property
    def cache_dir(self) -> Path:
        """Where embeddings are kept. Nothing is written to a user's own folder, so its cache is in data/."""
        return (Path("data") / self.run_name if self.dataset == "folder" else self.data_dir) / "embeddings"

    @property
    def checkpoint_dir(self) -> Path:
        """Where this run's checkpoints are kept."""
        return self.checkpoint_root / self.run_name

    @property
    def steps(self) -> int:
        """Training steps in all. Only completed settings have it."""
        return self.epochs * self.batches_per_epoch

    def completed(self, train_photos: int) -> "Settings":
        """Fills the fields that are None with the budget for the dataset and this number of training photos."""
        budget = DRAWN if self.dataset == "drawn" else SMALL if train_photos <= FEW_PHOTOS else LARGE
        return replace(self, **{name: value for name, value in budget.items() if getattr(self, name) is None})

    def as_dict(self) -> dict:
        """Values that JSON can hold: paths as strings, addresses without their passwords."""
        values = {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()}
        return values | {"mirrors": re.sub(r"//[^/\s]*@", "//", self.mirrors)}

    @classmethod
    def fixed_on_resume(cls) -> tuple[str, ...]:
        """Names of the settings that a run must keep when it continues from a checkpoint."""
        return tuple(each.name for each in fields(cls) if each.metadata["fixed_on_resume"])

    @classmethod
    def from_environment(cls, **defaults) -> "Settings":
        """Settings from the CAPTION_… variables.

        Warns of a CAPTION_… variable that is not a setting, so that a misspelt name does not go unnoticed.

        Args:
            defaults: Values for the fields whose variable is not set.

        Raises:
            ValueError: The message names the variable, its value and what was expected.
        """
        known = {variable_of(each): each for each in fields(cls)}
        values = dict(defaults)
        for variable, text in os.environ.items():
            if not variable.startswith(ENVIRONMENT_PREFIX) or variable in CREDENTIALS:
                continue
            if variable not in known:
                warnings.warn(
                    f"{variable} is not a setting and is ignored. Settings: {', '.join(known)}.", stacklevel=2)
            elif text:
                values[known[variable].name] = _parsed(known[variable], text)
        return cls(**values)


def variable_of(each: Field) -> str:
    """The environment variable of a field of `Settings`."""
    return ENVIRONMENT_PREFIX + each.name.upper()


def markdown_page() -> str:
    """The page docs/settings.md: a table of all settings, made from the metadata of their fields."""
    rows = (f"| `{variable_of(each)}` | {each.metadata['help']} | {_values(each)} | {_default(each)} |"
            for each in fields(Settings))
    fixed = ", ".join(f"`{ENVIRONMENT_PREFIX}{name.upper()}`" for name in Settings.fixed_on_resume())
    return "\n".join((
        "# Settings", "",
        "Set them as environment variables, or as fields of `Settings` in the notebook. "
        "`python -m captioning.settings > docs/settings.md` makes this page.", "",
        "| variable | what it sets | values | default |", "|---|---|---|---|", *rows, "",
        f"A run that continues from a checkpoint must keep {fixed}.", "",
        f"`{CREDENTIALS[0]}` and `{CREDENTIALS[1]}` sign in to the course's grader. They are not settings: no file or "
        "message holds them. The notebook asks for them if they are not set.", ""))


def _values(each: Field) -> str:
    """Allowed values, for the table."""
    choices = each.metadata["choices"]
    return ", ".join(f"`{choice}`" for choice in choices) if choices else _expected(each)


def _default(each: Field) -> str:
    """The default, for the table."""
    if each.metadata["default_text"] or each.default is not None:
        return each.metadata["default_text"] or f"`{each.default}`"
    drawn, small, large = (budget[each.name] for budget in (DRAWN, SMALL, LARGE))
    text = f"else `{large}`" if small == large else f"`{small}` up to {FEW_PHOTOS:,} training photos, else `{large}`"
    return text.removeprefix("else ") if drawn == small else f"`{drawn}` for `drawn`, {text}"


def _kind(each: Field) -> type:
    """The type of a field's values: int for `int | None`."""
    return next(kind for kind in (*get_args(each.type), each.type) if kind in EXPECTED)


def _expected(each: Field) -> str:
    """Which values a field allows, in words."""
    rules, what = each.metadata, EXPECTED[_kind(each)]
    if rules["choices"]:
        return f"one of {', '.join(rules['choices'])}"
    if rules["most"] is not None:
        return f"{what} from {rules['least']:,} to {rules['most']:,}"
    return rules["values"] or what


def _refused(each: Field, value) -> ValueError:
    """The error for a value that a field does not allow. A password in an address is not shown."""
    shown = re.sub(r"//.*@", "//…@", str(value)) if isinstance(value, (str, Path)) else value
    return ValueError(f"{variable_of(each)} is {shown!r:.200}; expected {_expected(each)}.")


def _checked(each: Field, value):
    """The value of a field, with `~` expanded in paths. Raises ValueError if the field's metadata does not allow it."""
    rules, kind = each.metadata, _kind(each)
    if value is None and each.default is None:
        return None
    if rules["choices"] and value not in rules["choices"]:
        raise _refused(each, value)
    if rules["most"] is not None and not _within(value, kind, rules["least"], rules["most"]):
        raise _refused(each, value)
    if rules["https"] and not _is_secure(value):
        raise _refused(each, value)
    if kind is Path or (rules["maybe_path"] and str(value).startswith("~")):
        return kind(_expanded(each, value))
    return value


def _within(value, kind: type, least, most) -> bool:
    """Whether the value is a number of this kind within the limits."""
    return isinstance(value, (int, kind)) and least <= value <= most


def _is_secure(address) -> bool:
    """Whether nobody can read a token on its way to this address: https, or this machine itself."""
    try:
        parts = urlsplit(address)
        secure = parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1")
        return bool(secure and parts.hostname and "@" not in parts.netloc)
    except (ValueError, TypeError, AttributeError):
        return False


def _expanded(each: Field, value) -> Path:
    """The path, with `~` expanded."""
    try:
        return Path(value).expanduser()
    except (TypeError, RuntimeError):           # RuntimeError: ~somebody, whose home folder nobody knows
        raise _refused(each, value) from None


def _parsed(each: Field, text: str):
    """The text of a variable as a value of the field's type."""
    try:
        text.encode()                           # a value that is not UTF-8 could not be saved later
        return _kind(each)(text)
    except ValueError:
        raise _refused(each, text) from None


if __name__ == "__main__":
    print(markdown_page(), end="")
