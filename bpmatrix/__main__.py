"""``python -m bpmatrix``: the command line, if the script ``bpmatrix`` is not on the path."""

import sys

from bpmatrix.cli import main

if __name__ == "__main__":
    sys.exit(main())
