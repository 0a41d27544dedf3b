"""The site: `sphinx-build -W --keep-going docs site` makes it; needs the extra ``site``.

Sphinx reads this file. Every page of docs/ belongs to a toctree in index.md, or the build fails.
"""

import pkgutil
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util.logging import get_node_location

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
nitpicky = True  # a name without a page fails the build, except in `not_ours`

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
html_context = {"default_mode": "auto"}  # light or dark, as the browser says
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


NAME = re.compile(r"(bpmatrix\.)?(\w+(\.\w+)*)(\(.*)?", re.DOTALL)


class LinkNames(SphinxTransform):
    """Link `Network.train`, `bpmatrix.nielsen` and other names to the reference."""

    default_priority = 500

    def apply(self) -> None:
        """Replace each name in code style, outside of links and headings."""
        for style in nodes.literal, nodes.title_reference:  # of pages, of docstrings
            for node in list(self.document.findall(style)):
                name = NAME.fullmatch(node.astext())
                inside = nodes.reference | nodes.title | addnodes.pending_xref
                if name is None or name[2].endswith(".py") or isinstance(node.parent, inside):
                    continue
                if name[1] or name[2].partition(".")[0] in bpmatrix.__all__:
                    target = f"bpmatrix.{name[2]}"
                    link = addnodes.pending_xref(
                        "", refdomain="py", reftype="obj", reftarget=target
                    )
                    node.replace_self(link)
                    link += node


def not_ours(
    _: Sphinx, __: BuildEnvironment, node: addnodes.pending_xref, text: nodes.Element
) -> nodes.Element | None:
    """Link no name that is not public, and none of scikit-learn in docstrings inherited from it."""
    if ":docstring of sklearn." in (get_node_location(node) or ""):
        return text
    home, _, name = node["reftarget"].partition(".")
    if home != "bpmatrix" or name.partition(".")[0] in bpmatrix.__all__:
        return None
    try:
        pkgutil.resolve_name(node["reftarget"])
    except ImportError:
        pass  # it needs a package that is not installed
    except AttributeError:
        return None
    return text


def setup(app: Sphinx) -> None:
    """Register what is defined here."""
    app.connect("source-read", read_elsewhere)
    app.connect("missing-reference", not_ours)
    app.add_transform(LinkNames)
