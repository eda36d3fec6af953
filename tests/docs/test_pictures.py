"""The pictures of README.md: docs/pictures.py makes each, and none is large or shows where it was made."""

from __future__ import annotations

import re

from tests.docs.documents import text_of
from tests.support.project import ROOT

PICTURES = re.findall(r"!\[(.*?)\]\((.*?)\)", text_of(ROOT / "README.md"))
SCRIPT = text_of(ROOT / "docs" / "pictures.py")


def test_each_picture_is_one_that_the_script_makes_with_words_in_its_place() -> None:
    assert {name for _, name in PICTURES} == {
        f"docs/{made}" for made in re.findall(r"^    (\S+\.\w{3})  ", SCRIPT, re.M)
    }
    assert all(len(words) > 40 for words, _ in PICTURES)


def test_a_picture_is_small_and_names_no_folder_of_a_machine() -> None:
    for _, name in PICTURES:
        picture = (ROOT / name).read_bytes()
        assert 1_000 < len(picture) < 200_000, name
        assert re.search(rb"/(?:tmp|home|root|work|var|Users)/", picture) is None, name


def test_a_drawn_picture_takes_nothing_from_elsewhere() -> None:
    drawn = [name for _, name in PICTURES if name.endswith(".svg")]
    assert len(drawn) >= 2
    for name in drawn:
        assert re.findall(r"@font-face|@import|<image|href=|url\((?!#)", text_of(ROOT / name)) == [], name
