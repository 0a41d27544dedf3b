"""``python -m bpmatrix.bench``: measurements for any project."""

import click

from bpmatrix.bench.gate.command import gate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Measure the code of any project; `bpmatrix bench` measures bpmatrix."""


main.add_command(gate)

if __name__ == "__main__":
    main(prog_name="python -m bpmatrix.bench")
