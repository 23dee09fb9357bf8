import asyncio
import html.parser
import pathlib
import re

import numpy as np
import pytest
from chromium import browser
from chromium import in_browser
from PIL import Image

from keras_attention.visualization import AttentionGallery
from keras_attention.visualization import AttentionMap

COUNT = 6
IMAGES = np.random.default_rng(0).random((COUNT, 16, 24, 3))
MASKS = np.zeros((COUNT, 32, 48))
MASKS[:, :16, :24] = 1
MASKS[4] = 0
LABELS = np.array([0, 0, 1, 1, 2, 3])
PREDICTIONS = np.array([0, 1, 1, 0, 2, 3])
# On the object there is the more attention the higher the number.
ENERGY = np.array([0.5, 0.1, 0.9, 0.3, 0.7, 0.2])
NAMES = [
    "<script>document.title = 'hacked'</script>",
    "price $1\nor \"2\" & 'more'",
    "\u202e\u05d0\u05d1\u05d2 \U0001f600",
    "x" * 10_000,
]


def maps():
    values = np.empty((COUNT, 1, 2, 2))
    values[:] = ((1 - ENERGY) / 3)[:, None, None, None]
    values[:, 0, 0, 0] = ENERGY
    return values


def write(folder, names=NAMES, batches=2):
    gallery = AttentionGallery(folder, title=names[0])
    layers = {
        names[0]: AttentionMap(maps(), names[0], gain=0.0),
        "gates": np.where(np.arange(COUNT) == 5, np.nan, 0.3)[:, None, None]
        * np.ones((1, 2, 3)),
        "se": AttentionMap(np.ones((COUNT, 1, 1, 4)), "se", "channel"),
    }
    for some in np.split(np.arange(COUNT), batches):
        gallery.add(
            IMAGES[some],
            {name: values[some] for name, values in layers.items()},
            labels=LABELS[some],
            predictions=np.eye(4)[PREDICTIONS[some]],
            class_names=names,
            masks=MASKS[some],
            metrics={names[1]: ENERGY[some] - 1},
        )
    return gallery.write()


class Page(html.parser.HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self.inside = [], [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "meta"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if self.inside and self.inside[-1] not in ("script", "style"):
            self.texts.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("gallery"))
    return path, Page(path)


def test_every_text_is_escaped_short_and_whole(written):
    _, page = written
    assert page.inside == []  # every element is closed
    assert len(page.of("script")) == 1
    assert NAMES[0] in page.texts  # as a text
    assert max(map(len, page.texts)) < 200
    values = [v for _, attrs in page.tags for v in attrs.values() if v]
    assert max(map(len, values)) < 400
    text = "".join(page.texts)
    assert "price $1 or \"2\" & 'more'" in text
    assert NAMES[2] in text
    assert "gain 0: no influence" in text
    assert "No maps, not shown: se (channel)" in text


def test_it_needs_no_network_and_all_its_files_are_there(written):
    path, page = written
    source = path.read_text("utf-8")
    assert not re.search(r"https?:|[\"'(]//|@import|url\(", source)
    assert "default-src 'none'" in page.of("meta")[1]["content"]
    pictures = page.of("img")
    assert len(pictures) == 3 * COUNT
    assert all(picture["alt"] for picture in pictures)
    files = [path.parent / picture["src"] for picture in pictures]
    assert len({*files}) == len(files)
    for file in files:
        with Image.open(file) as image:
            assert image.size == (240, 160)
    found = {file.name for file in (path.parent / "gallery_files").iterdir()}
    assert found == {file.name for file in files}


def test_cards_tell_outcome_classes_and_numbers(written):
    _, page = written
    cards = page.of("li")
    outcomes = ["right", "wrong", "right", "wrong", "right", "right"]
    assert [card["data-outcome"] for card in cards] == outcomes
    assert [card["data-truth"] for card in cards] == [*map(str, LABELS)]
    orders = [o["value"] for o in page.of("option") if "|" in o["value"]]
    assert orders[:3] == ["lift|low", "lift|high", "|"]
    text = "".join(page.texts)
    assert "energy 0.5" in text and "lift 3.6" in text and "uniform" in text
    assert "lift none" in text and "not finite" in text


@pytest.mark.parametrize(("scale", "told"), [(1, True), (-3, False)])
def test_only_probabilities_are_told_as_such(tmp_path, scale, told):
    gallery = AttentionGallery(tmp_path / "page")
    answers = scale * np.eye(2)[[0, 1]]
    path = gallery.add(IMAGES[:2], maps()[:2], predictions=answers).write()
    assert ("100%" in "".join(Page(path).texts)) == told
    assert "-" not in "".join(Page(path).texts)


def test_one_map_alone_and_nothing_known(tmp_path):
    gallery = AttentionGallery(tmp_path / "new")
    with pytest.raises(ValueError, match="needs images"):
        gallery.write()
    path = gallery.add(IMAGES, maps()).write()
    page = Page(path)
    assert [select["id"] for select in page.of("select")] == ["sort"]
    assert len(gallery) == len(page.of("li")) == COUNT
    with pytest.raises(ValueError, match=r"the images before, attention\."):
        gallery.add(IMAGES, {"other": maps()})
    # Written again, with what was added, in place of what was there.
    notes = tmp_path / "new" / "notes.txt"
    notes.write_text("mine")
    gallery.add(IMAGES[:1], maps()[:1]).write()
    assert len(Page(path).of("li")) == COUNT + 1
    assert notes.read_text() == "mine"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("images", IMAGES * 9),
        ("maps", {"a": maps()[:2]}),
        ("masks", MASKS[:2]),
        ("masks", MASKS + 1),
        ("labels", [0.5] * COUNT),
        ("class_names", ["one"]),
        ("metrics", {"loss": [1, 2]}),
        ("metrics", {"entropy": ENERGY}),
    ],
)
def test_bad_arguments(argument, value):
    given = {"images": IMAGES, "maps": maps(), "labels": LABELS} | {
        argument: value
    }
    with pytest.raises(ValueError, match=f"{argument}"):
        AttentionGallery("nowhere").add(**given)
    assert not pathlib.Path("nowhere").exists()


ORDER = "shown().map((card) => Number(card.dataset.index))"
FOCUSED = "document.activeElement.parentElement.dataset.index"
BROKEN = "[...document.images].filter((i) => i.complete && !i.naturalWidth)"


def choose(name, value):
    return f"pick('{name}').value = '{value}'; update(); {ORDER}"


async def until(evaluate, condition):
    """On a busy machine a browser takes its time."""
    for _ in range(200):
        if await evaluate(condition):
            return
        await asyncio.sleep(0.05)


async def go_through(evaluate, press):
    seen = {"title": await evaluate("document.title")}
    seen["worst first"] = await evaluate(ORDER)
    seen["count"] = await evaluate("pick('count').textContent")
    seen["controls"] = await evaluate("!pick('controls').hidden")
    seen["broken"] = await evaluate(f"{BROKEN}.length")
    seen["wrong"] = await evaluate(choose("outcome", "wrong"))
    seen["of a class"] = await evaluate(choose("truth", "1"))
    await evaluate("pick('outcome').value = ''; pick('truth').value = ''")
    seen["as given"] = await evaluate(choose("sort", "|"))
    await evaluate(choose("layer", "1"))
    seen["maps"] = await evaluate(
        "[...document.querySelectorAll('li img')]"
        ".filter((i) => i.offsetWidth).length"
    )
    await evaluate("list.querySelector('button').focus()")
    await press("ArrowRight")
    await press("Enter")
    await until(evaluate, "view.open")
    seen["enlarged"] = await evaluate("[view.open, open.dataset.index]")
    await press("ArrowRight")
    await until(evaluate, "open.dataset.index === '2'")
    seen["next"] = await evaluate("[view.open, open.dataset.index]")
    seen["large"] = await evaluate("view.querySelectorAll('img').length")
    await press("Escape")
    await until(evaluate, f"!view.open && {FOCUSED} === '2'")
    seen["closed"] = await evaluate(f"[view.open, {FOCUSED}]")
    await press("ArrowDown")
    await press("Home")
    await until(evaluate, f"{FOCUSED} === '0'")
    seen["back"] = await evaluate(FOCUSED)
    return seen


@pytest.mark.long
@pytest.mark.skipif(
    browser() is None,
    reason="no Chromium here; Debian's is `apt-get install chromium`",
)
def test_in_a_real_browser(written, tmp_path):
    path, _ = written
    seen = in_browser(path, tmp_path, go_through)
    assert seen == {
        "title": NAMES[0],  # nobody has changed it
        "worst first": [1, 5, 3, 0, 2, 4],  # the one without a number last
        "count": "6 of 6 images",
        "controls": True,
        "broken": 0,
        "wrong": [1, 3],
        "of a class": [3],
        "as given": [0, 1, 2, 3, 4, 5],
        "maps": 2 * COUNT,
        "enlarged": [True, "1"],
        "next": [True, "2"],
        "large": 3,
        "closed": [False, "2"],
        "back": "0",
    }
