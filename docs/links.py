"""Links within docs/api.md: griffe2md links to paths of objects, GitHub needs anchors."""

import re
from collections import Counter
from collections.abc import Callable

HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\(#([^)]+)\)")


def anchors(page: str) -> dict[str, str]:
    """Return GitHub's anchor for each heading of a page, by the heading's text.

    It keeps letters, digits, underscores and hyphens, turns blanks into hyphens, numbers repeats.
    """
    seen: Counter[str] = Counter()
    found = {}
    for heading in HEADING.findall(FENCED.sub("", page)):
        text = heading.replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found[text] = f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
        seen[anchor] += 1
    return found


def with_links(page: str, path_of: Callable[[str], str | None]) -> str:
    """Return a page whose links lead to its headings; a link without a heading becomes plain text.

    Parameters
    ----------
    page : str
        Its headings are paths of objects; its links name a path, or the last part of one.
    path_of : callable
        Returns the path under which an object of bpmatrix is defined, or None.
    """
    places = {path: anchor for path, anchor in anchors(page).items() if "." in path}
    last_names = Counter(path.rpartition(".")[2] for path in places)
    # Only classes: names of attributes are also words of sentences.
    by_last_name = {
        name: path
        for path in places
        if last_names[name := path.rpartition(".")[2]] == 1 and name[0].isupper()
    }

    def linked(match: re.Match[str]) -> str:
        text, target = match.groups()
        name = target.partition(",")[0]  # two attributes on one line: "cost, chance"
        for path in (name, path_of(name), by_last_name.get(name)):
            if path in places:
                return f"[{text}](#{places[path]})"
        return text

    return LINK.sub(linked, page)
