"""The site: `sphinx-build -W --keep-going docs site` makes it; needs the extra ``site``.

Sphinx reads this file. Every page of docs/ belongs to a toctree in index.md, or the build fails.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

import bpmatrix

project = "bpmatrix"
author = "the bpmatrix developers"
version = release = bpmatrix.__version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "the-book"]
templates_path = ["_templates"]
# Labels and terms of scikit-learn, in docstrings that are inherited from it. Ours have none, and a
# broken link in a page is a warning of myst.
suppress_warnings = ["ref.ref", "ref.term"]
nitpicky = False  # types in docstrings are prose: "str, OwnActivation or sequence of them"

# Links and anchors are those of GitHub, where the pages are read, too.
myst_heading_anchors = 6
myst_enable_extensions = ["colon_fence"]
# Blocks marked `python` are run by the tests; those marked `py` are excerpts.
highlight_language = "python"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections name the types
autodoc_member_order = "bysource"
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
autodoc_default_options = {"members": True, "inherited-members": True}

html_theme = "pydata_sphinx_theme"
html_title = f"bpmatrix {release}"
html_sidebars = {"**": ["navigation"]}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {
    "logo": {"text": html_title},
    "navbar_center": [],
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


ROOT = Path(__file__).parent.parent
# Pages whose text is a file outside of docs/, where GitHub looks for it.
ELSEWHERE = {"changes": "CHANGELOG.md", "contributing": ".github/CONTRIBUTING.md"}


def read_elsewhere(_: Sphinx, name: str, source: list[str]) -> None:
    """Take the text of such a page from its file, and lead links to the file to the page."""
    if name in ELSEWHERE:
        text = (ROOT / ELSEWHERE[name]).read_text(encoding="utf-8")
        source[0] = re.sub(r"\]\((?:\.\./)?docs/", "](", text)
    for page, file in ELSEWHERE.items():
        source[0] = re.sub(rf"\]\((?:\.\./)+{re.escape(file)}", f"](/{page}.md", source[0])


class LinkNames(SphinxTransform):
    """Link `Network.train` and other public names in the text of pages to the reference."""

    default_priority = 500

    def apply(self) -> None:
        """Replace each name in code style, outside of links and headings."""
        if self.env.docname.startswith("generated/"):
            return
        for node in list(self.document.findall(nodes.literal)):
            first = node.astext().partition("(")[0].removeprefix("bpmatrix.").partition(".")[0]
            if isinstance(node.parent, nodes.reference | nodes.title | addnodes.pending_xref):
                continue
            if first in bpmatrix.__all__:
                target = "bpmatrix." + node.astext().partition("(")[0].removeprefix("bpmatrix.")
                link = addnodes.pending_xref(
                    "", refdomain="py", reftype="obj", reftarget=target, refwarn=False
                )
                node.replace_self(link)
                link += node


def setup(app: Sphinx) -> None:
    """Register what is defined here."""
    app.connect("source-read", read_elsewhere)
    app.add_transform(LinkNames)
