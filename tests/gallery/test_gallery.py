"""The gallery is whole, needs no other file, is readable everywhere, and shows text from outside as text."""

import base64
import html
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from captioning.gallery.examples import Example
from captioning.gallery.figure import plot_contact_sheet, plot_gallery
from captioning.gallery.page import PHOTO_SIDE, write_gallery
from captioning.gallery.reasons import REASONS
from captioning.scoring.scores import score_captions
from tests.helpers import CHROMIUM

HOSTILE = ["<script>alert(1)</script>", "\"onload='x'&amp;", "](javascript:alert(1))", "כלב על החוף",
           "\u202ereversed", "nul\x00 and lone \udcff", "x" * 300]


def jpeg(seed=0, size=(320, 240), mode="RGB", **options):
    """Makes a photo of soft blocks of colour."""
    blocks = np.random.default_rng(seed).integers(0, 255, (3, 4, 3), np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).convert(mode).save(encoded, "JPEG", **options)
    return encoded.getvalue()


def examples(count, good=True, **changes):
    """Makes examples of four shapes of photos."""
    sizes = [(320, 240), (240, 320), (400, 160), (300, 300)]
    fields = {
        "caption": ["a", "dog", "on", "a", "beach"], "references": ["A dog on a beach.", ["two", "dogs"]],
        "score": 1.234, "word_probabilities": [0.9, 0.5, 0.25, 1.0, 0.0],
        "reason": "" if good else "wrong count", **changes,
    }
    return [Example(f"photo_{n}.jpg", jpeg(n, sizes[n % 4]), good=good, **fields) for n in range(count)]


class Page(HTMLParser):
    """The tags of a page with their attributes, and all text outside <style>."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(source)
        self.text = re.sub(r"\s+", " ", "".join(self.texts))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def read(path):
    """Parses a page."""
    return Page(path.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------- the page

def test_the_page_shows_ten_good_and_ten_bad_with_all_that_a_reviewer_needs(tmp_path):
    captions = {"a": ["a", "dog"], "b": ["two", "cats"]}
    scores = score_captions(captions, {"a": [["a", "dog"]], "b": [["two", "kites"]]}, decoding="beam 3")
    page = read(write_gallery(tmp_path / "new" / "gallery.html", examples(10), examples(10, good=False), title="Dogs",
                              about="By me.", scores=scores, baselines={"people": scores}))
    assert page.open == [] and len(page.all("article")) == 20 and len(page.all("img")) == 20
    assert page.text.count("CIDEr 1.23 Confidence 0 %") == 20
    assert page.text.count("What people wrote A dog on a beach. two dogs") == 20
    assert page.text.count(REASONS["wrong count"]) == 10 and "10 wrong count" in page.text
    for shown in ("Dogs", "By me.", "beam 3", "2 photos", f"{scores['CIDEr']:.2f}", "people", "split_sentence"):
        assert shown in page.text


def test_the_page_needs_nothing_but_itself(tmp_path):
    source = write_gallery(tmp_path / "gallery.html", examples(2), examples(2, good=False)).read_text(encoding="utf-8")
    page = Page(source)
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    linked = [value for _, attributes in page.tags for key, value in attributes.items()
              if key in ("src", "href", "srcset")]
    assert all(value.startswith(("data:image/jpeg;base64,", "#")) for value in linked)
    without_photos = re.sub(r"base64,[^\"]+", "", source)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", without_photos)
    assert "default-src 'none'" in source
    assert not re.search("animation|transition|scroll-behavior|tabindex|outline: *(0|none)", without_photos)


def test_screen_readers_get_landmarks_headings_descriptions_and_confidence_in_words(tmp_path):
    page = read(write_gallery(tmp_path / "gallery.html", examples(3), examples(3, good=False)))
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("main", "nav", "aside", "h1", "h2", "h3")] == [1, 1, 1, 1, 3, 6]
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    labelled = [attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes]
    assert len(labelled) == 8 and set(labelled) <= set(identifiers)
    assert {attributes["href"][1:] for attributes in page.all("a")} <= set(identifiers)
    assert all(attributes["alt"] == "Photo in which people see: A dog on a beach." for attributes in page.all("img"))
    assert ("Confidence by word: a 90 per cent, dog 50 per cent, on 25 per cent, a 100 per cent, "
            "beach 0 per cent.") in page.text


def test_the_page_asks_a_reviewer_three_questions_and_shows_probabilities_of_failures_only(tmp_path):
    scores = score_captions({"a": ["a"]}, {"a": [["a"]]})
    gallery = write_gallery(tmp_path / "gallery.html", examples(3), examples(2, good=False), scores=scores,
                            baselines={"people": scores})
    page = read(gallery)
    for question in ("Is the verdict right?", "Does the reason say what is wrong?", "do so in different ways?"):
        assert question in page.text
    assert len([tag for tag in page.all("span") if tag.get("class") == "word"]) == 2 * 5
    assert page.text.count("Confidence by word") == 2 and page.text.count("Confidence 0 %") == 5
    assert "on one reference fewer than the model" in page.text
    gallery = write_gallery(gallery, examples(3), [], scores=scores, baselines={"silence": scores})
    assert not re.search("fewer|people</caption>|per cent", read(gallery).text)


def test_a_photo_of_ones_own_stands_without_score_references_and_probabilities(tmp_path):
    own = Example("me.jpg", Image.new("L", (50, 80)), ["a", "person"])
    assert own.confidence is None
    page = read(write_gallery(tmp_path / "gallery.html", [own], []))
    assert "a person" in page.text and "own photo. Nobody has described it, so it is not scored." in page.text
    assert "Confidence" not in page.text and page.text.count("CIDEr") == 1      # where it is explained
    assert len(page.all("h2")) == 2 and page.all("img")[0]["alt"] == "Photo that nobody has described"
    assert "own photo, not scored" in " ".join(text for text, _ in drawn_texts(plot_gallery([own], [])))


def test_a_reason_in_ones_own_words_is_shown_and_counted_beside_the_common_ones(tmp_path):
    bad = examples(2, good=False) + examples(1, good=False, reason="the dog is a cat")
    text = read(write_gallery(tmp_path / "gallery.html", [], bad)).text
    assert "the dog is a cat CIDEr" in text and "2 wrong count 1 another reason" in text
    assert "another reason" not in read(write_gallery(tmp_path / "gallery.html", [], bad[2:])).text


def test_names_captions_and_reasons_from_outside_show_as_text(tmp_path):
    for text in HOSTILE:
        hostile = examples(1, caption=[text, text], references=[text], word_probabilities=[0.5, 0.5], reason=text)[0]
        hostile = Example(**{**hostile.__dict__, "name": text})
        scores = score_captions({"a": ["a"]}, {"a": [["a"]]}, tokenizer=text, decoding=text)
        path = write_gallery(tmp_path / "gallery.html", [hostile], [hostile], title=text, about=text, scores=scores,
                             baselines={text: scores})
        page = read(path)
        assert page.open == [] and page.all("script") == [] and len(page.all("article")) == 2
        assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
        expected = text.replace("\x00", "\ufffd").replace("\udcff", "\ufffd")
        assert page.text.count(expected) >= 12
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", path.read_text(encoding="utf-8"))


def test_photos_are_scaled_turned_and_lose_where_they_were_taken(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                                        # turned by 90 degrees
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.0)}          # GPS
    photo = jpeg(size=(2000, 1000), exif=exif, comment=b"by a friend")
    assert b"Exif" in photo and b"by a friend" in photo
    source = write_gallery(tmp_path / "gallery.html", [Example("own.jpg", photo, ["a"])], []).read_text()
    embedded = base64.b64decode(re.search(r"base64,([^\"]+)", source)[1])
    image = Image.open(io.BytesIO(embedded))
    assert image.size == (PHOTO_SIDE // 2, PHOTO_SIDE) and b"Exif" not in embedded and not image.getexif()
    assert b"by a friend" not in embedded


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_photos_are_shown_in_colour(tmp_path, mode):
    source = write_gallery(tmp_path / "gallery.html", [Example("x", jpeg(mode=mode), ["a"])], []).read_text()
    assert Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", source)[1]))).mode == "RGB"


def test_what_cannot_be_shown_is_named(tmp_path):
    with pytest.raises(ValueError, match="'broken.jpg'"):
        write_gallery(tmp_path / "gallery.html", [Example("broken.jpg", jpeg()[:200], ["a"])], [])
    with pytest.raises(ValueError, match="both lists are empty"):
        write_gallery(tmp_path / "gallery.html", [], [])
    with pytest.raises(ValueError, match="'a.jpg' has 2 words and 1 probabilities"):
        Example("a.jpg", b"", ["a", "dog"], word_probabilities=[0.5])
    with pytest.raises(ValueError, match="outside 0 to 1"):
        Example("a.jpg", b"", ["a"], word_probabilities=[-0.5])
    with pytest.raises(ValueError, match="list of words"):
        Example("a.jpg", b"", "a dog")
    assert list(tmp_path.iterdir()) == []


def test_probabilities_may_come_as_an_array(tmp_path):
    sure = Example("a.jpg", jpeg(), ["a", "dog"], word_probabilities=np.array([0.5, 0.5], np.float32))
    assert "Confidence 50 %" in read(write_gallery(tmp_path / "gallery.html", [sure], [])).text


# ------------------------------------------------------------------------------------------- whole or absent

WRITER = """
import sys
from tests.gallery.test_gallery import examples, write_gallery
"""


def writer(code, path):
    """Returns the command of a process that runs the code, with the path of a page."""
    return [sys.executable, "-c", WRITER + code, str(path)]


def test_a_full_disk_is_named_and_leaves_the_old_page_whole(tmp_path):
    path = write_gallery(tmp_path / "gallery.html", examples(1), [])
    before = path.read_bytes()
    code = ("import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
            "try:\n    write_gallery(sys.argv[1], examples(9), [])\nexcept OSError as error:\n    print(error)")
    ran = subprocess.run(writer(code, path), capture_output=True, text=True)
    assert str(path) in ran.stdout and "disk" in ran.stdout, ran
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_killed_write_leaves_a_whole_page(tmp_path):
    path = tmp_path / "gallery.html"
    code = ("many = examples(6)\nwrite_gallery(sys.argv[1], many, [])\nprint('ready', flush=True)\n"
            "while True:\n    write_gallery(sys.argv[1], many, [])")
    process = subprocess.Popen(writer(code, path), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        for _ in range(200):                                # a reader never sees half a page
            assert path.read_bytes().rstrip().endswith(b"</html>")
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert len(read(path).all("article")) == 6


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "a_file").write_text("")
    with pytest.raises(OSError, match="a_file"):
        write_gallery(tmp_path / "a_file" / "gallery.html", examples(1), [])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_text("")
    with pytest.raises(OSError, match="folder"):
        write_gallery(tmp_path / "folder", examples(1), [])
    assert (tmp_path / "folder" / "precious").exists()
    if os.geteuid():                                        # root may write everywhere
        (tmp_path / "folder").chmod(0o500)
        with pytest.raises(OSError, match="gallery.html"):
            write_gallery(tmp_path / "folder" / "gallery.html", examples(1), [])


# ---------------------------------------------------------------------------------------------- the figures

def drawn_texts(figure):
    """Returns all texts and their boxes in pixels."""
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    return [(text.get_text(), text.get_window_extent(renderer)) for text in figure.axes[0].texts if text.get_text()]


@pytest.mark.parametrize("draw", [
    lambda odd: plot_gallery(examples(7) + odd, examples(10, good=False)),
    lambda odd: plot_gallery([], examples(3, good=False) + odd),
    lambda odd: plot_contact_sheet(examples(7) + odd),
])
def test_no_text_of_a_figure_overlaps_another_or_is_cut_off(draw):
    odd = [Example("x" * 80 + ".jpg", jpeg(), words, references=["long " * 40], reason="$x$ and $" * 9)
           for words in (["word"] * 30, ["W" * 90], [], ["$5", "and", "$6", "\x00"])]
    figure = draw(odd)
    texts = drawn_texts(figure)
    assert len(texts) > 30
    for number, (text, box) in enumerate(texts):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
        for other, other_box in texts[number + 1:]:
            wide = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
            high = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
            assert wide <= 0 or high <= 3, (text, other)      # boxes are a few pixels higher than their letters


def test_figures_say_what_they_are_asked_to_show(tmp_path):
    figure = plot_gallery(examples(10), examples(10, good=False))
    shown = " ".join(text for text, _ in drawn_texts(figure))
    for expected in ("10 captions that fit", "10 captions that fail", "wrong count", "CIDEr 1.23", "a dog on a beach"):
        assert expected in shown
    figure.savefig(tmp_path / "gallery.png", facecolor="white")
    shown = figure._repr_html_()
    in_notebook = Image.open(io.BytesIO(base64.b64decode(re.search('base64,(.*?)"', shown)[1])))
    assert abs(in_notebook.width - 1800) <= 1
    assert 'alt="10 captions that fit: a dog on a beach; ' in shown
    assert in_notebook.getpixel((3, 3))[3] == 0                     # see-through, on a white page and on a dark one
    image = Image.open(tmp_path / "gallery.png").convert("RGB")
    assert image.width > 1200 and image.getpixel((3, 3)) == (255, 255, 255)
    sheet = plot_contact_sheet(examples(4), columns=2)
    assert "photo_3.jpg" in " ".join(text for text, _ in drawn_texts(sheet))
    sheet.savefig(tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").getpixel((3, 3))[3] == 0
    for draw in (lambda: plot_contact_sheet([]), lambda: plot_gallery([], [])):
        with pytest.raises(ValueError, match="needs examples"):
            draw()


# ------------------------------------------------------------------------------------------------- browsers

def browse(tmp_path, page, *options):
    """Opens a page in headless Chromium and returns what it prints."""
    return subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--hide-scrollbars", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={tmp_path / 'profile'}", *options, page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_nothing_overflows_in_a_browser_from_a_phone_to_a_desktop(tmp_path):
    hostile = [Example(text, jpeg(n, (900, 200)), [text, "a", text], [text], None, [0.5] * 3, reason=text)
               for n, text in enumerate(HOSTILE)]
    long = "Donaudampfschifffahrtsgesellschaftskapitaen" * 3
    scores = score_captions({"a": ["a"]}, {"a": [["a"]]}, tokenizer=long, decoding=long)
    gallery = write_gallery(tmp_path / "gallery.html", examples(10) + hostile, examples(10, good=False) + hostile,
                            title=long, about=long, scores=scores, baselines={long: scores}).read_text(encoding="utf-8")
    frames = "".join(f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(gallery)}"></iframe>'
                     for width in (360, 800, 1280))         # windows have 500 px or more, frames may have fewer
    measure = """<script>onload = () => {
      const found = [...document.querySelectorAll('iframe')].map(frame => {
        const page = frame.contentDocument, width = frame.clientWidth;
        const seen = [...page.body.querySelectorAll('*:not(.skip):not(.unseen):not(.unseen *)')];
        return {width, scrolled: page.documentElement.scrollWidth, cards: page.querySelectorAll('article').length,
                images: [...page.images].filter(image => image.naturalWidth > 0).length,
                outside: seen.filter(e => e.getBoundingClientRect().right > width + 1
                                       || e.getBoundingClientRect().left < -1).map(e => e.outerHTML.slice(0, 80)),
                cut: seen.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
                                   && getComputedStyle(e).overflowX == 'hidden').map(e => e.outerHTML.slice(0, 80))};
      });
      document.body.innerHTML = '<pre>' + btoa(unescape(encodeURIComponent(JSON.stringify(found)))) + '</pre>';
    }</script>"""
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(f"<!DOCTYPE html><meta charset=utf-8><body style='margin:0'>{frames}{measure}", encoding="utf-8")
    printed = browse(tmp_path, wrapper, "--dump-dom", "--window-size=1400,1000")
    found = json.loads(base64.b64decode(re.search(r"<pre>([^<]+)</pre>", printed)[1]))
    assert [frame["width"] for frame in found] == [360, 800, 1280]
    for frame in found:
        assert frame["scrolled"] <= frame["width"] and frame["outside"] == [] and frame["cut"] == [], frame
        assert frame["cards"] == frame["images"] == 20 + 2 * len(HOSTILE)


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
@pytest.mark.parametrize(("scheme", "dark"), [(0, True), (1, False)])
def test_the_page_is_dark_for_readers_who_prefer_it(tmp_path, scheme, dark):
    page = write_gallery(tmp_path / "gallery.html", examples(2), [])
    browse(tmp_path, page, f"--screenshot={tmp_path / 'page.png'}", "--window-size=800,600",
           f"--blink-settings=preferredColorScheme={scheme}")
    pixels = np.asarray(Image.open(tmp_path / "page.png").convert("L"))
    assert pixels.shape == (600, 800) and (pixels[5, 5] < 64) == dark
    assert pixels.std() > 10                               # there is something on it


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_on_paper_the_bad_ones_begin_a_page_and_no_card_is_alone_on_one(tmp_path):
    def photos_by_page(good, bad):
        page = write_gallery(tmp_path / "gallery.html", examples(good), examples(bad, good=False))
        browse(tmp_path, page, "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'gallery.pdf'}")
        pages = re.findall(rb"/Type /Page\n.*?endobj", (tmp_path / "gallery.pdf").read_bytes(), re.DOTALL)
        return [len(re.findall(rb"/X\d+ \d+ 0 R", page)) for page in pages]

    assert len(photos_by_page(1, 1)) == 2
    for count in range(6, 11):
        photos = photos_by_page(count, count)
        assert sum(photos) == 2 * count and 1 not in photos and len(photos) <= 6, photos


def luminance(colour):
    """Computes the relative luminance of #rrggbb (WCAG 2.2)."""
    channels = np.array([int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_text_has_the_contrast_that_wcag_aa_asks_for(tmp_path):
    source = write_gallery(tmp_path / "gallery.html", examples(1), []).read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
                   for block in re.findall(r":root \{(.*?)\}", source, re.DOTALL)[:2])
    for colours in (light, dark):
        pairs = [(text, ground) for text in ("ink", "muted", "good", "bad") for ground in ("paper", "card")]
        for text, ground in [*pairs, ("ink", "sure"), ("good", "good-tint"), ("bad", "bad-tint"), ("ink", "bad-tint")]:
            low, high = sorted(float(luminance(colours[name])) for name in (text, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
