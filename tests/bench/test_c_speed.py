"""The benchmark of C headers: its table, and that it compares outputs before it times them."""

import re
import shutil

import click
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.c_header import AT_ONCE, Compiled

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def test_the_command_prints_sizes_and_times():
    result = CliRunner().invoke(main, ["c", "--quick", "--dtype", "float32"])
    assert result.exit_code == 0, result.output
    row = re.search(r"^\| float32 +\|(.*)\|$", result.stdout, re.MULTILINE)[1].split("|")
    constants, microseconds = row[1].strip(), float(row[2])
    if shutil.which("size"):
        assert 9040 <= int(constants.replace(",", "")) < 9500
    assert microseconds > 0


def test_a_header_of_another_network_is_not_timed(tmp_path):
    compiled = Compiled.of(COMPILER, tmp_path, "float64")
    compiled.check()
    compiled.net.parameters[:] *= 1.01
    with pytest.raises(click.ClickException, match="the outputs differ by"):
        compiled.check()


def test_each_call_takes_the_next_sample(tmp_path):
    compiled = Compiled.of(COMPILER, tmp_path, "float32")
    compiled.outputs[:] = -1
    compiled.in_c(3)
    assert (compiled.outputs[:3] > 0).all()
    assert (compiled.outputs[3:] == -1).all()
    compiled.in_c(AT_ONCE)
    assert (compiled.outputs > 0).all()
