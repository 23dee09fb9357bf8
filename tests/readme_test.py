"""The README and the pages in docs: their code runs, their links lead on."""

import pathlib
import re

import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
}
CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# `[text](target)`, pictures too, and `[text]: target` at the foot of a page.
LINK = re.compile(r"\]\(([^)]+)\)|^\[[^]]+\]: (\S+)$", re.MULTILINE)
# The recipes need other packages: `tuning/result/tracking_recipes_test.py`.
ELSEWHERE = "docs/tracking.md"
RUN = [p for p in PAGES if CODE.search(PAGES[p]) and p != ELSEWHERE]
SCRIPT = re.compile(r"(?:examples|benchmarks|notebooks)/[\w/]+\.\w+")


@pytest.fixture
def lesions(tmp_path):
    """The table and the photos that the guide speaks of."""
    (tmp_path / "photos").mkdir()
    lines = ["isic_id,diagnosis,patient"]
    for index in range(24):
        name, kind = f"ISIC_{index:04}", ("nevus", "melanoma")[index % 2]
        lines.append(f"{name},{kind},p{index // 2 % 6 + 6 * (index % 2)}")
        photo = Image.new("RGB", (60, 40), (90 * (index % 2), 40, 40))
        photo.save(tmp_path / "photos" / f"{name}.jpg")
        flower = tmp_path / "flowers" / kind / f"{name}.jpg"
        flower.parent.mkdir(parents=True, exist_ok=True)
        photo.save(flower)
        mask = Image.new("L", (60, 40))
        mask.paste(255, (20, 10, 40, 30))
        mask.save(tmp_path / "photos" / f"{name}_segmentation.png")
    (tmp_path / "lesions.csv").write_text("\n".join(lines))


# What only makes it last longer: images, epochs, folds, a wide network.
SHORTER = {
    '"cluttered_digits"': (
        '"cluttered_digits", train=64, validation=32, test=64'
    ),
    "epochs=8": "epochs=1",
    "epochs=20": "epochs=1",
    "epochs=2, folder=": "epochs=1, folds=2, folder=",
    "size=224": "size=32",
    'reference="plain"': 'reference="plain", repeats=20',
    "classes=photos.classes": "classes=2, width_multiplier=1 / 16",
}


@pytest.mark.slow
@pytest.mark.usefixtures("lesions", "eagerly")
@pytest.mark.parametrize("page", RUN)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for block in CODE.findall(PAGES[page]):
        for long, short in SHORTER.items():
            block = block.replace(long, short)
        exec(compile(block, page, "exec"), {})


def test_most_code_is_found():
    assert len(CODE.findall(PAGES["README.md"])) >= 2
    assert len(CODE.findall(PAGES["docs/guide.md"])) >= 5
    for page, text in PAGES.items():
        assert len(CODE.findall(text)) == text.count("```python"), page


def test_readme_is_short():
    assert len(PAGES["README.md"].splitlines()) <= 150


def anchors(path):
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page):
    found = [a or b for a, b in LINK.findall(PAGES[page])]
    assert found
    for target in found:
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.resolve().is_relative_to(ROOT), target
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("page", PAGES)
def test_scripts_that_are_named_exist(page):
    for name in SCRIPT.findall(PAGES[page]):
        assert (ROOT / name).is_file(), name
