"""The figures of the course: no warnings, nothing is cut off, nothing covers anything else."""

import base64
import functools
import html
import io
import math
import re
import time
import warnings

import nbformat
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon
from matplotlib.text import Text
from nbconvert import HTMLExporter
from PIL import Image

from captioning.decoding.writer import Caption
from captioning.figures import colours
from captioning.figures.architecture import plot_data_flow, plot_encoder_decoder
from captioning.figures.confusions import plot_confusions
from captioning.figures.decoder_steps import plot_decoder_step
from captioning.figures.explanation import plot_explanation
from captioning.figures.losses import plot_loss_curves
from captioning.figures.photo_grid import plot_photos
from captioning.figures.temperatures import plot_captions_by_temperature, plot_temperature, with_temperature


def history(*losses):
    """Makes a row for each pair (train_loss, val_loss), one an epoch."""
    return [{"step": 100 * n, "epoch": n, "train_loss": train, "val_loss": val}
            for n, (train, val) in enumerate(losses, 1)]


def photo(width, height, mode="RGB"):
    """Makes a smooth picture, red at the left edge and blue at the right."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 255 - across, across
    return Image.fromarray(pixels).convert(mode)


def many_photos():
    """Plots photos of odd shapes with odd captions."""
    shapes = ((640, 480), (480, 640), (1200, 90), (90, 1200), (1, 1), (300, 300))
    long = "a man in a red coat and a dog that runs next to him along a very long beach at the end of the day " * 2
    return plot_photos(
        [photo(*shape) for shape in shapes],
        ["a kite", long, "",
         "Donaudampfschifffahrtsgesellschaftskapitaenskajuetentuerschluessel", "it costs $^$",
         "one\ntwo words\n" + long])


def said(text, *probabilities, ended=True):
    """Makes a caption. Words without a probability get the last one."""
    words = tuple(text.split())
    steps = len(words) + ended
    filled = tuple([*probabilities, *[(probabilities or (0.5,))[-1]] * steps][:steps])
    return Caption(words, filled[:len(words)], filled[-1] if ended else None)


def choices(caption):
    """Makes the likeliest words at each step of a caption, with and without the one it took first."""
    words = [*caption.words, *["#END#"] * caption.ended]
    return [[("dog", 0.6), (word, 0.3), ("cat", 0.05), ("#END#", 0.04), ("kite", 0.01)][step % 3 == 0:]
            for step, word in enumerate(words)]


LONG = "a man in a red coat and an extraordinary dog that runs next to him along a very long beach"
GERMAN = "Donaudampfschifffahrtsgesellschaftskapitaenskajuetentuerschluessel"


def why(text="a red kite above the beach", shape=(640, 480), ended=True, neighbours=3, beams=3,
        references=(LONG, GERMAN, "$^$", ""), mode="RGB"):
    kept = said(text, 0.9, 0.05, 0.4, ended=ended)
    others = [said(f"two {text} at night", 0.01, ended=False), said("", 1), said(text.replace("red", "blue"))]
    near = [(photo(*shape, mode), 0.91, [LONG, "A red kite.", GERMAN]), (photo(90, 900), -0.02, []),
            (photo(900, 90), 1.0, [""])]
    return plot_explanation(
        photo(*shape, mode), [kept, *others][:beams], choices(kept), near[:neighbours], references)


def confused(count, first="a red kite", second="a red kite"):
    pair = ((photo(640, 480), first, [LONG, "A kite."]), (photo(90, 900), second, []), "in common: 100 %")
    return plot_confusions([pair] * count)


def by_temperature(**options):
    samples = {0.3: [said("a red kite", 0.9)] * 9, 1: [said(LONG, 0.3), said("", 1), said("kites", 0.01, ended=False)],
               1.5: [said(f"{GERMAN} {GERMAN} $^$", 0.02)]}
    return plot_captions_by_temperature(photo(90, 900), samples, **options)


V = 300
FIGURES = {
    "plot_encoder_decoder": plot_encoder_decoder,
    "plot_encoder_decoder of a photo": lambda: plot_encoder_decoder(photo(640, 480), "two dogs"),
    "plot_encoder_decoder, long caption": lambda: plot_encoder_decoder(
        photo(90, 300), ("extraordinary", "transcontinental", "locomotives") * 6),
    **{f"plot_decoder_step, {step}": functools.partial(plot_decoder_step, step)
       for step in ("states", "words in", "logits", "loss")},
    "plot_data_flow": plot_data_flow,
    "plot_temperature": plot_temperature,
    "plot_temperature of a vocabulary": lambda: plot_temperature(
        np.random.default_rng(0).dirichlet(np.full(V, 0.05)), [f"extraordinary{i}" for i in range(V)]),
    "plot_temperature of one word": lambda: plot_temperature([1.0, 0.0], ["a", "b"], temperatures=(0.01, 1)),
    "plot_loss_curves": lambda: plot_loss_curves(
        history((8.1, 7.7), (4.2, None), (3.0, 3.2), (2.7, 3.3)), "Drawn world, 16 epochs"),
    "plot_loss_curves of close lines": lambda: plot_loss_curves(history(*((9 / n, 9 / n) for n in range(1, 13)))),
    "plot_loss_curves, long title": lambda: plot_loss_curves(history((2, 1), (1, 2)), "A title of $^$ words " * 9),
    "plot_loss_curves without a point": lambda: plot_loss_curves([], "Nothing yet"),
    "plot_loss_curves of one point": lambda: plot_loss_curves(history((8.1, 7.7))),
    "plot_loss_curves of two points": lambda: plot_loss_curves(history((8.1, None), (6, 5))),
    "plot_loss_curves with NaN": lambda: plot_loss_curves(history((8.1, math.nan), (math.nan, 5), (4, math.inf))),
    "plot_loss_curves of NaN alone": lambda: plot_loss_curves(history((math.nan, math.nan))),
    "plot_loss_curves within epochs": lambda: plot_loss_curves(
        [{"step": n, "epoch": 1 + n // 40, "train_loss": 9 / n, "val_loss": None} for n in range(1, 100)]),
    "plot_photos": many_photos,
    "plot_photos, one": lambda: plot_photos([photo(640, 480)], ["a kite"], columns=1),
    "plot_photos, narrow": lambda: plot_photos(
        [photo(30, 20)] * 9, ["a red kite above a beach"] * 9, columns=8),
    "plot_explanation": why,
    "plot_explanation, long and cut": lambda: why(f"{LONG} {GERMAN}", (90, 900), ended=False, beams=4),
    "plot_explanation, empty": lambda: why("", (1, 1), mode="L"),
    "plot_explanation, greedy": lambda: why(beams=1, neighbours=0, references=()),
    "plot_explanation, right to left": lambda: why("כלב רץ על החוף", references=("כלב על החוף.", "قطة على السرير")),
    "plot_confusions": lambda: confused(3),
    "plot_confusions, long": lambda: confused(2, LONG, GERMAN),
    "plot_confusions, none": lambda: confused(0),
    "plot_captions_by_temperature": by_temperature,
    "plot_captions_by_temperature, much written": lambda: by_temperature(references=[LONG] * 6),
}


def draw(figure, monkeypatch, dpi=100):
    """Draws the figure; a warning is an error. Returns {text: extent} of the visible texts."""
    figure.dpi = dpi
    texts, plain_draw = {}, Text.draw

    def draw_and_note(text, renderer, *arguments, **options):
        if text.get_visible() and text.get_text().strip():
            texts[text] = text.get_window_extent(renderer)
        return plain_draw(text, renderer, *arguments, **options)

    monkeypatch.setattr(Text, "draw", draw_and_note)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), dpi=dpi)
    return texts


def intersect(a, b, slack=0.5):
    """Says whether two extents share more than `slack` pixels in both directions."""
    return min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack


def encloses(outer, inner, slack=0.5):
    """Says whether the inner extent lies in the outer, give or take `slack` pixels."""
    return (outer.x0 - slack <= inner.x0 and inner.x1 <= outer.x1 + slack
            and outer.y0 - slack <= inner.y0 and inner.y1 <= outer.y1 + slack)


def words_of(figure, monkeypatch):
    """Returns the visible texts of a figure."""
    return {text.get_text() for text in draw(figure, monkeypatch)}


@pytest.mark.parametrize("dpi", (100, 150))
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_lies_on_another_text_a_box_edge_or_an_arrow(name, dpi, monkeypatch):
    figure = FIGURES[name]()
    assert isinstance(figure, Figure)
    texts = draw(figure, monkeypatch, dpi)
    assert texts
    for text, extent in texts.items():
        assert encloses(figure.bbox, extent), f"{text.get_text()!r} is cut off: {extent} in {figure.bbox}"
    drawn = list(texts.items())
    for n, (text, extent) in enumerate(drawn):
        for other, other_extent in drawn[:n]:
            assert not intersect(extent, other_extent), f"{text.get_text()!r} overlaps {other.get_text()!r}"
    for box in figure.findobj(FancyBboxPatch):
        edge = box.get_window_extent()
        for text, extent in texts.items():
            assert encloses(edge, extent) or not intersect(edge, extent), f"{text.get_text()!r} crosses a box's edge"
    for arrow in figure.findobj(FancyArrowPatch):
        line = arrow.get_transform().transform_path(arrow.get_path()).interpolated(50).vertices
        for text, extent in texts.items():
            assert not extent.count_contains(line), f"an arrow crosses {text.get_text()!r}"


def test_figures_are_as_wide_as_a_notebook_or_as_a_phone_and_see_through():
    for name, figure in FIGURES.items():
        picture = io.BytesIO()
        figure().savefig(picture, dpi=50)
        opacity = np.asarray(Image.open(picture).getchannel("A"))
        assert opacity.shape[1] in (450, 280), name
        assert not any(edge.any() for edge in (opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1])), name


@pytest.mark.parametrize("name", FIGURES)
def test_a_notebook_shows_each_figure_once_and_sharp_with_alternative_text(name):
    shown, _ = DisplayFormatter().format(FIGURES[name]())
    assert shown.keys() == {"text/plain", "text/html"}
    image = dict(re.findall(' (alt|src|width|height)="(.*?)"', shown["text/html"]))
    width, height = int(image["width"]), int(image["height"])
    kind, picture = image["src"].split(",")
    assert kind == "data:image/webp;base64"
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == pytest.approx((2 * width, 2 * height), abs=2)
    assert len(image["alt"].split()) >= 3
    assert pyplot.get_fignums() == [], "pyplot would show it a second time"


def luminance(colour):
    """Computes the relative luminance of a colour, as WCAG 2.2 defines it."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    """Computes the contrast ratio of two colours, 1..21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def pages_behind(text, extent, boxes):
    """Returns the colours that a text may stand on: that of its box, or of both pages."""
    around = [box for box in boxes if encloses(box.get_window_extent(), extent) and box.get_facecolor()[3] == 1]
    return [box.get_facecolor()[:3] for box in around[-1:]] or ["#ffffff", "#111111"]


@pytest.mark.parametrize("name", FIGURES)
def test_text_and_lines_can_be_read_on_a_white_page_and_on_a_dark_one(name, monkeypatch):
    figure = FIGURES[name]()
    texts = draw(figure, monkeypatch)
    boxes = [*figure.findobj(FancyBboxPatch), *figure.findobj(Polygon)]
    for text, extent in texts.items():
        for page in pages_behind(text, extent, boxes):
            assert contrast(text.get_color(), page) >= 4.3, f"{text.get_text()!r} on {page}"
    lines = [arrow.get_edgecolor() for arrow in figure.findobj(FancyArrowPatch)]
    for colour in lines + [box.get_edgecolor() for box in figure.findobj(FancyBboxPatch)]:
        assert colour[3] < 1 or min(contrast(colour, "#ffffff"), contrast(colour, "#111111")) >= 3


PHONE = 340     # pixels that nbconvert's page leaves for a picture on a phone 390 pixels wide


@pytest.mark.parametrize("name", [
    name for name in FIGURES if name.startswith("plot_decoder_step")
    or name in ("plot_encoder_decoder", "plot_data_flow", "plot_temperature")])
def test_diagrams_can_be_read_on_a_phone_without_scrolling(name, monkeypatch):
    figure = FIGURES[name]()
    assert int(re.search(r"max\(100%, (\d+)px\)", figure._repr_html_())[1]) <= PHONE
    scale = PHONE / figure.bbox.width
    small = {text.get_text() for text in draw(figure, monkeypatch) if text.get_fontsize() * 100 / 72 * scale < 6.5}
    assert not small, "letters of less than 6.5 pixels"


def test_exported_html_has_the_alternative_text():
    data, _ = DisplayFormatter().format(plot_decoder_step("loss"))
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", data)])
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert 'alt="Targets: all tokens but the first; #PAD# does not count. ' in page
    assert page.count("<img") == 1 and "No description" not in page


def test_no_colour_has_more_contrast_with_both_pages():
    """The best luminance is the geometric mean of those of the pages, each plus 0.05."""
    best = math.sqrt(contrast("#ffffff", "#111111"))
    assert 4.3 < best < 4.4
    for colour in (colours.TEXT, *(hue.line for hue in vars(colours).values() if isinstance(hue, colours.Hue))):
        assert min(contrast(colour, "#ffffff"), contrast(colour, "#111111")) >= best - 0.05


@pytest.mark.parametrize(("figure", "told"), [
    (lambda: plot_photos([photo(4, 4)] * 2, ["a kite", "two\n<dogs>"], title="Look"), "Look. a kite; two <dogs>."),
    (lambda: why("a red kite"), "Why the decoder wrote this caption. The caption is “a red kite”."),
    (lambda: confused(1, "one kite", "a dog"), "“one kite” and “a dog”."),
    (plot_temperature, "The likeliest next word is “dog”: 0.87 at t = 0.3, 0.55 at t = 0.7, 0.42 at t = 1"),
    (by_temperature, "At t = 0.3: “a red kite”."),
    (lambda: plot_loss_curves(history((8.1, 7.7), (4.2, 5))), "validation loss: 7.70 at first, 5.00 at last"),
])
def test_the_alternative_text_tells_what_the_picture_shows(figure, told):
    assert told in html.unescape(figure()._repr_html_())


def test_a_live_picture_keeps_its_size_where_pyplot_crops():
    sizes = set()
    for name in ("plot_loss_curves", "plot_loss_curves without a point", "plot_loss_curves of one point"):
        picture = io.BytesIO()
        FIGURES[name]().savefig(picture, bbox_inches="tight", pad_inches=0, dpi=100)
        sizes.add(Image.open(picture).size)
    assert sizes == {(900, 380)}


def test_the_style_of_the_notebook_does_not_change_a_figure():
    def png():
        picture = io.BytesIO()
        for name in ("plot_encoder_decoder", "plot_decoder_step, loss", "plot_temperature", "plot_loss_curves"):
            FIGURES[name]().savefig(picture, dpi=50, format="png")
        return picture.getvalue()

    plain = png()
    fonts = {"font.family": "sans-serif", "font.sans-serif": "DejaVu Serif", "mathtext.fontset": "stix"}
    with pyplot.style.context(["dark_background", "seaborn-v0_8", fonts]):
        assert png() == plain


def test_encoder_decoder_shows_the_middle_square_of_the_given_photo_and_its_caption(monkeypatch):
    figure = plot_encoder_decoder(photo(600, 300), "a dog on a beach")
    (image,) = figure.axes[0].get_images()
    height, width = image.get_array().shape[:2]
    assert height == width
    # A quarter of the width is cut off on the left, where red is between 255 and 191.
    assert 185 <= image.get_array()[0, 0, 0] <= 195
    assert {"a", "dog", "on", "a dog on a beach"} <= words_of(figure, monkeypatch)


def rows_of(figure, monkeypatch, *names):
    """Returns the texts at the right of each name, from left to right."""
    texts = draw(figure, monkeypatch)
    rows = {}
    for name in names:
        middle = next((extent.y0 + extent.y1) / 2 for text, extent in texts.items() if text.get_text() == name)
        rows[name] = [text.get_text() for text, extent in sorted(texts.items(), key=lambda item: item[1].x0)
                      if abs((extent.y0 + extent.y1) / 2 - middle) < 14 and extent.x0 > 135]
    return rows


def test_the_loss_of_the_decoder_is_the_mean_over_the_ones_of_its_mask(monkeypatch):
    names = ("flat_ground_truth", "cross-entropy", "flat_loss_mask")
    rows = rows_of(plot_decoder_step("loss"), monkeypatch, *names)
    targets, losses, mask = (rows[name] for name in names)
    assert targets == ["a", "dog", "runs", "#END#", "two", "kites", "#END#", "#PAD#"]
    assert mask == [str(int(word != "#PAD#")) for word in targets]
    mean = np.dot([*map(int, mask)], [*map(float, losses)]) / mask.count("1")
    assert any(f"= {mean:.2f} nats" in word for word in words_of(plot_decoder_step("loss"), monkeypatch))


def test_an_unknown_step_of_the_decoder_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="got 'softmax'. The steps are 'states', 'words in', 'logits', 'loss'."):
        plot_decoder_step("softmax")


@pytest.mark.parametrize("t", (0.01, 0.3, 1, 1.5, 100))
def test_temperature_is_the_softmax_of_logits_divided_by_t(t):
    logits = np.random.default_rng(1).normal(size=50)
    softmax = np.exp(logits) / np.exp(logits).sum()
    wanted = np.exp((logits - logits.max()) / t)
    assert with_temperature(softmax, t) == pytest.approx(wanted / wanted.sum())


def test_temperature_sums_up_the_words_that_it_does_not_name(monkeypatch):
    figure = plot_temperature(np.full(10, 0.1), list("abcdefghij"), temperatures=(1,), top=4)
    texts = [text.get_text() for text in draw(figure, monkeypatch)]
    assert texts.count("0.10") == 4 and texts.count("0.60") == 1 and "all others" in texts and "e" not in texts


@pytest.mark.parametrize("arguments, complaint", (
    ({"probabilities": [0.5, 0.2], "words": ["a", "b"]}, "sums to 0.7"),
    ({"probabilities": [1.5, -0.5], "words": ["a", "b"]}, "one distribution"),
    ({"probabilities": [[0.5, 0.5]], "words": ["a"]}, "one row"),
    ({"probabilities": [math.nan, 1], "words": ["a", "b"]}, "one distribution"),
    ({"probabilities": [0.5, 0.5], "words": ["a"]}, "name the 2 probabilities"),
    ({"probabilities": [0.5, 0.5]}, "missing"),
    ({"temperatures": (1, 0)}, "above 0"),
    ({"temperatures": ()}, "above 0"),
))
def test_temperature_says_what_is_wrong_with_its_arguments(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        plot_temperature(**arguments)


def test_loss_curves_mark_the_best_validation_loss_and_name_the_lines(monkeypatch):
    words = words_of(plot_loss_curves(history((8, 7), (4, 3.5), (2, 3.9))), monkeypatch)
    assert {"best validation loss 3.50, epoch 2", "training 2.00", "validation 3.90", "loss, nats per word"} <= words


def test_loss_curves_name_each_line_at_the_height_of_its_end(monkeypatch):
    figure = plot_loss_curves(history((8, 7), (2, 6)))
    centres = {text.get_text(): (extent.y0 + extent.y1) / 2 for text, extent in draw(figure, monkeypatch).items()}
    for name, loss in (("training 2.00", 2), ("validation 6.00", 6)):
        assert centres[name] == pytest.approx(figure.axes[0].transData.transform((2, loss))[1], abs=3)


def test_loss_curves_leave_out_what_is_not_a_number(monkeypatch):
    rows = history((8, None), (math.nan, 5), (4, math.inf))
    lines = {tuple(line.get_ydata()) for line in plot_loss_curves(rows).axes[0].get_lines()}
    assert {(8.0, 4.0), (5.0,)} <= lines


def test_loss_curves_take_a_float32_and_a_row_without_val_loss():
    figure = plot_loss_curves([{"step": 1, "epoch": 1, "train_loss": np.float32(2)}])
    assert figure.axes[0].get_lines()[0].get_ydata().tolist() == [2.0]


def test_loss_curves_count_steps_where_epochs_repeat(monkeypatch):
    rows = [{"step": n, "epoch": 1, "train_loss": 1 / n, "val_loss": None} for n in (10, 20, 30)]
    figure = plot_loss_curves(rows)
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == [10, 20, 30]
    assert "step" in words_of(figure, monkeypatch)


def test_loss_curves_are_fast_enough_to_be_drawn_while_training():
    rows = history(*((9 / n, 9.5 / n) for n in range(1, 500)))
    seconds = []
    for _ in range(5):
        start = time.process_time()
        plot_loss_curves(rows).savefig(io.BytesIO(), dpi=100)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.2       # measured: 0.04 to 0.07; a busy machine takes longer


@pytest.mark.parametrize("mode", ("RGB", "RGBA", "L", "P", "CMYK"))
def test_photos_of_any_mode_are_shown_whole_and_unstretched(mode):
    figure = plot_photos([photo(200, 100, mode), np.asarray(photo(100, 300))], ["wide", "high"])
    for image, aspect in zip(figure.axes[0].get_images(), (2, 1 / 3), strict=True):
        left, right, bottom, top = image.get_extent()
        assert (right - left) / (top - bottom) == pytest.approx(aspect, rel=0.01)
        assert image.get_array().shape[2] == 3


@pytest.mark.parametrize("shape", ((40, 60), (40, 60, 1), (40, 60, 3), (40, 60, 4)))
def test_arrays_of_uint8_are_photos(shape):
    figure = plot_photos([np.full(shape, 90, np.uint8)], ["grey"])
    assert (figure.axes[0].get_images()[0].get_array() == 90).all()


def test_photos_given_are_not_changed():
    mine = photo(2000, 1000)
    plot_photos([mine], ["a kite"])
    plot_encoder_decoder(mine)
    assert mine.size == (2000, 1000)


@pytest.mark.parametrize("photos, captions, complaint", (
    ([], [], "0 photos"),
    ([photo(4, 4)], [], "1 photos, 0 captions"),
    ([np.zeros((4, 4, 3))], ["a"], "uint8"),
    ([np.zeros((4,), np.uint8)], ["a"], r"\(4,\)"),
    ([np.zeros((4, 4, 2), np.uint8)], ["a"], r"\(4, 4, 2\)"),
    ([np.zeros((0, 4, 3), np.uint8)], ["a"], r"\(0, 4, 3\)"),
))
def test_plot_photos_says_what_is_wrong_with_its_arguments(photos, captions, complaint):
    with pytest.raises(ValueError, match=complaint):
        plot_photos(photos, captions)


def test_explanation_shows_the_words_taken_the_runners_up_and_the_nearest_training_photos(monkeypatch):
    kept, other = said("a red kite", 0.9, 0.25, 0.8, 0.7), said("a blue kite", 0.9, 0.24, 0.8, 0.7)
    steps = [[("a", 0.9), ("the", 0.1)], [("green", 0.3), ("red", 0.25)], [("kite", 0.8), ("bird", 0.001)],
             [("#END#", 0.7), ("on", 0.3)]]
    near = [(photo(40, 30), 0.875, ["A Kite, on a hill."])]
    figure = plot_explanation(photo(40, 30), [kept, other], steps, near, ["One kite."])
    texts = draw(figure, monkeypatch)
    shown = [text.get_text() for text in texts]
    assert {"green", "0.30", "0.25", "0.90", "on", "cosine 0.88", "One kite.", "kept", "2"} <= set(shown)
    assert "bird" not in shown                          # too unlikely to be shown
    assert f"{kept.log_probability:.2f}".replace("-", "−") in shown
    shades = {text.get_text(): text.get_color() for text in texts}
    assert shades["blue"] == colours.WRONG.line and shades["Kite,"] == colours.WORD.line
    assert shades["hill."] == shades["A"] == colours.TEXT


def test_a_word_that_is_not_among_the_likeliest_is_shown_as_taken(monkeypatch):
    kept = said("kite", 0.02, 0.9)
    likelier = [(word, 0.2) for word in ("dog", "cat", "cow", "bird", "boat")]
    shown = words_of(plot_explanation(photo(40, 30), [kept], [likelier, [("#END#", 0.9)]]), monkeypatch)
    assert {"dog", "cat", "cow", "kite", "0.02"} <= shown and not {"bird", "boat"} & shown


def test_explanation_says_what_is_missing():
    with pytest.raises(ValueError, match="got 1 beams, 2 steps"):
        plot_explanation(photo(4, 4), [said("a kite")], [[("a", 1.0)]] * 2)
    with pytest.raises(ValueError, match="got 0 beams"):
        plot_explanation(photo(4, 4), [], [])


def test_captions_by_temperature_count_the_different_ones(monkeypatch):
    shown = words_of(by_temperature(), monkeypatch)
    assert {"1 of 9 captions are different; log p −0.11 per word", "t = 0.3", "t = 1", "t = 1.5"} <= shown
    with pytest.raises(ValueError, match=r"\{0.5: 0\}"):
        plot_captions_by_temperature(photo(4, 4), {0.5: []})
