"""The Chinese pages say what the English ones say: the same code, formulas, numbers and links.

Their code is not run again. Sections are compared one by one, so that a change of one page without
the other fails.
"""

from __future__ import annotations

import re
import runpy
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHINESE = ROOT / "docs" / "zh-CN"
TRANSLATED = {ROOT / "README.zh-CN.md": ROOT / "README.md"} | {
    page: ROOT / "docs" / page.name for page in CHINESE.glob("*.md") if page.stem != "index"
}
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"<!--.*?-->|</?(?:details|summary)>", re.DOTALL)
SWITCH = re.compile(r"^(?:English \| \[简体中文\]|\[English\]).*$", re.MULTILINE)
HEADING = re.compile(r"^(#+) .*$", re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# Chinese characters and punctuation; what lies between them is a formula, a name or a number.
HAN = r"\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”—…"
SIGN = re.compile(rf"[^\x00-\x7f{HAN}]")
BETWEEN = re.compile(rf"[^{HAN}|\n]+")

chinese = runpy.run_path(str(ROOT / "docs" / "chinese.py"))
pairs = pytest.mark.parametrize(
    ("page", "english"), TRANSLATED.items(), ids=lambda page: page.relative_to(ROOT).as_posix()
)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def sections(page: Path) -> list[str]:
    """Return the text below each heading, with it; without code blocks and what is generated."""
    text = chinese["GENERATED"].sub("", text_of(page))
    text = MARK.sub("", CODE.sub("", SWITCH.sub("", text, count=1)))
    return re.split(r"(?m)^(?=#+ )", text)


def facts(section: str) -> Counter[str]:
    """Return what is the same in all languages: inline code, numbers and signs."""
    prose = LINK.sub("]", section)
    words = INLINE.sub("", prose)
    return Counter(INLINE.findall(prose) + NUMBER.findall(words) + SIGN.findall(words))


def shape(section: str) -> Counter[str]:
    """Return how many headings of each level, items, rows, quotations and emphases there are."""
    return Counter(re.findall(r"(?m)^(?:#+|- |\||> )|\*\*", section))


def targets(page: Path, section: str) -> Counter[str]:
    """Return the targets of links; that of a translated page is the English page."""
    found = []
    for target in LINK.findall(section):
        file = (page.parent / target).resolve()
        if re.match(r"[a-z]+:", target):
            found.append(target)
        elif file != CHINESE / "index.md":  # which has no English page
            found.append(TRANSLATED.get(file, file).relative_to(ROOT).as_posix())
    return Counter(found)


def between(section: str) -> list[str]:
    """Return the formulas and names within Chinese text."""
    text = INLINE.sub("\n", LINK.sub("]", section))
    runs = (run.strip(" *[]!>-#") for run in BETWEEN.findall(text))
    return [run for run in runs if run]


@pairs
def test_blocks_are_those_of_the_english_page(page: Path, english: Path) -> None:
    """The code with the marks before it, and the generated blocks with their words in Chinese."""
    marked = re.compile(rf"(?:<!-- [^\n]+-->\n)?{CODE.pattern}", CODE.flags)
    assert marked.findall(text_of(page)) == marked.findall(text_of(english))
    generated = map(chinese["in_chinese"], chinese["GENERATED"].findall(text_of(english)))
    assert chinese["GENERATED"].findall(text_of(page)) == [*generated]


@pairs
def test_sections_have_the_facts_of_the_english_page(page: Path, english: Path) -> None:
    """Headings, lists, tables, links, inline code, numbers and signs; formulas to the letter."""
    ours, theirs = sections(page), sections(english)
    for mine, other in zip(ours, theirs, strict=True):
        assert shape(mine) == shape(other)
        assert targets(page, mine) == targets(english, other)
        assert facts(mine) == facts(other)
        words = " ".join(re.sub(r"[*\[\]]|^> ", "", LINK.sub("]", other)).split())
        alone = (rf"(?<!\w){re.escape(run)}(?!\w)" for run in between(mine))
        assert [run for run in alone if not re.search(run, words)] == []


@pairs
def test_each_page_links_the_other(page: Path, english: Path) -> None:
    for one, other in ((page, english), (english, page)):
        switch = LINK.findall(SWITCH.search(text_of(one))[0])
        assert [(one.parent / target).resolve() for target in switch] == [other]


def test_the_words_of_generated_blocks_are_in_chinese() -> None:
    """Each expression finds its words, which the code wrote into README.md."""
    text = text_of(ROOT / "README.md")
    missing = [words for words in chinese["WORDS"] if not re.search(words, text)]
    assert not missing, "docs/chinese.py does not know the new words"
