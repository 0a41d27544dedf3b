"""Recognize tables that are not comma-separated text, and say how to convert them."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

from bpmatrix.datasets.cells import shown
from bpmatrix.datasets.streams import open_file
from bpmatrix.errors import DataFileError

SHEET = "Save the sheet as CSV in UTF-8."
FRAME = "Write it as CSV, for example with pandas: {reader}({path!r}).to_csv({csv!r}, index=False)"
UTF_16 = "Write it in UTF-8: iconv -f UTF-16 -t UTF-8 {shell} > {shell_csv}"
# The first bytes of a file, its format, and how to convert it.
BEGINNINGS = (
    (b"\x1f\x8b", "compressed by gzip", "Unpack it: gzip -dc {shell} > {shell_csv}"),
    (b"BZh", "compressed by bzip2", "Unpack it: bzip2 -dc {shell} > {shell_csv}"),
    (b"\xfd7zXZ\0", "compressed by xz", "Unpack it: xz -dc {shell} > {shell_csv}"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "Unpack it: zstd -dc {shell} > {shell_csv}"),
    (b"PK\x03\x04", "a spreadsheet or a .zip archive", SHEET + " An archive: unzip {shell}"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", SHEET),
    (b"PAR1", "a Parquet file", FRAME.replace("{reader}", "pandas.read_parquet")),
    (b"ARROW1", "a Feather file", FRAME.replace("{reader}", "pandas.read_feather")),
    (b"\xff\xfe", "text in UTF-16", UTF_16),
    (b"\xfe\xff", "text in UTF-16", UTF_16),
)  # fmt: skip
# The separators of other programs, and how `tr` writes them.
SEPARATORS = {";": ";", "\t": r"\t", "|": "|"}


def check_is_text(path: Path) -> None:
    """Reject a file that begins with the first bytes of another format.

    Raises
    ------
    DataFileError
        With the format, and how to convert it.
    OSError
        If the file cannot be read.
    """
    with open_file(path) as file:
        beginning = file.read(8)
    for magic, what, cure in BEGINNINGS:
        if beginning.startswith(magic):
            csv = _new_name(path)
            raise DataFileError(
                f"{path} is not comma-separated text",
                got=what,
                cure=cure.format(
                    path=str(path), csv=csv, shell=quote(str(path)), shell_csv=quote(csv)
                ),
            )


def check_separator(path: Path, *lines: str, spaces: bool = False) -> None:
    """Reject lines whose cells are not separated by commas.

    Parameters
    ----------
    path : Path
        The file, for the message.
    *lines : str
        Lines, or rows whose cells are joined by commas; a separator must be in all of them.
    spaces : bool, default False
        Whether to look for spaces, too, which may also be part of cells.

    Raises
    ------
    DataFileError
        With the command that replaces the separator by commas.
    """
    mark = next((mark for mark in SEPARATORS if all(mark in line for line in lines)), None)
    pieces = {len(line.split()) for line in lines}
    if mark is None and (not spaces or len(pieces) > 1 or pieces == {1}):
        return
    what, command = "commas between the cells", r"awk '{$1=$1}1' OFS=,"
    if mark is not None:
        old, new = SEPARATORS[mark], ","
        if any(re.search(r"\d,\d", line) for line in lines):  # a decimal comma
            old, new, what = old + ",", ",.", what + " and decimal points"
        command = f"tr {quote(old)} {quote(new)}"
    command += f" < {quote(str(path))} > {quote(_new_name(path))}"
    raise DataFileError(
        f"the columns of {path} are not separated by commas",
        got=shown(lines[0].strip()),
        cure=f"Write {what}: {command}",
    )


def _new_name(path: Path) -> str:
    """Return an unused name for a .csv file in the same folder."""
    inner = path.with_suffix("")
    new = inner if inner.suffix.lower() == ".csv" else path.with_suffix(".csv")
    while new.exists():
        new = new.with_name(f"{new.stem}-commas.csv")
    return str(new)
