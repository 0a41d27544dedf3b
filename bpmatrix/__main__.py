"""The command line, as the script ``bpmatrix`` and as ``python -m bpmatrix``."""

import sys

from bpmatrix.signals import INTERRUPTED


def main() -> int:
    """Run the command line and return its exit status, even if Ctrl-C interrupts its imports."""
    try:
        from bpmatrix import cli  # noqa: PLC0415 - slow enough to be interrupted

        return cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("bpmatrix: interrupted\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
