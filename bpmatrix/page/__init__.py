"""The page that shows one mini-batch on its way through a network and back, and its training.

The numbers come from the engine and from `reference`; `assets/` contains the HTML, the style and
the scripts that draw them. What matplotlib draws is in `plots`.
"""

from bpmatrix.page.document import page, shown
from bpmatrix.page.film import Film

__all__ = ["Film", "page", "shown"]
