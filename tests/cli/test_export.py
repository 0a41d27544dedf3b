"""``bpmatrix export``: the file's ending says the format, and mistakes leave no file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bpmatrix
from bpmatrix.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return the current folder, with a model in it."""
    monkeypatch.chdir(tmp_path)
    bpmatrix.Network([3, 4, 2], input_scale=0.5, seed=1).save("net.safetensors")
    return tmp_path


def refused(capsys, *arguments):
    """Return the error of a command, which changes no file."""
    before = files()
    assert main(["export", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert files() == before
    return line


def files():
    return {path.name: path.read_bytes() for path in Path.cwd().iterdir()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_as_onnx(dtype, capsys):
    onnxruntime = pytest.importorskip("onnxruntime", reason="runs what is written")
    pytest.importorskip("onnx", reason="writes the file")
    assert main(["export", "net.safetensors", "net.ONNX", "--dtype", dtype, "--opset", "17"]) == 0
    assert "net.ONNX" in capsys.readouterr().out
    rows = np.eye(3, dtype=dtype)
    session = onnxruntime.InferenceSession("net.ONNX", providers=["CPUExecutionProvider"])
    (found,) = session.run(["output"], {"X": rows})
    assert found.dtype == dtype
    expected = bpmatrix.load("net.safetensors").feedforward(rows.T).T
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
def test_an_estimator_as_onnx():
    """Names of columns, and text as labels, in onnxruntime."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="runs what is written")
    pytest.importorskip("onnx", reason="writes the file")
    pandas = pytest.importorskip("pandas", reason="a table with names")
    numbers = np.random.default_rng(1).normal(size=(60, 2))
    labels = np.where(numbers[:, 0] > 0, "up", "down")
    frame = pandas.DataFrame(numbers, columns=["height", "weight"])
    estimator = bpmatrix.MLPClassifier(max_iter=20, random_state=1).fit(frame, labels)
    estimator.save("model")
    assert main(["export", "model", "model.onnx"]) == 0
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["feature_names"] == '["height", "weight"]'
    found = session.run(["label"], {"X": numbers})[0].tolist()
    assert found == estimator.predict(frame).tolist()


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
@pytest.mark.parametrize("kind", ["numbers", "text"])
def test_a_model_of_a_table_as_onnx(kind, capsys):
    """A model of numbers, as to_onnx writes it; the cure of any other."""
    pytest.importorskip("onnx", reason="writes the file")
    pytest.importorskip("pyarrow", reason="reads tables")
    numbers = np.random.default_rng(1).normal(size=60)
    table = {"a": numbers, "b": numbers**2, "sum": numbers + numbers**2}
    if kind == "text":
        table["b"] = np.where(numbers > 0, "up", "down")
    model = bpmatrix.TableModel("sum", seed=1, max_iter=2).fit(table)
    model.save("model")
    if kind == "text":
        line = refused(capsys, "model", "model.onnx")
        assert "got the columns 'b'" in line
        assert "model.members_[0].to_onnx(path)" in line
        return
    assert main(["export", "model", "model.onnx"]) == 0
    model.to_onnx("same.onnx")
    assert Path("model.onnx").read_bytes() == Path("same.onnx").read_bytes()


@pytest.mark.parametrize("dtype", [None, "float64"])
def test_a_network_as_c(dtype, capsys):
    """The same as to_c, and what it needs on the target."""
    options = [] if dtype is None else ["--dtype", dtype]
    assert main(["export", "net.safetensors", "net.h", "--name", "small", *options]) == 0
    net, size = bpmatrix.load("net.safetensors"), 4 if dtype is None else 8
    net.to_c("same.h", name="small", dtype=dtype or "float32")
    assert Path("net.h").read_bytes() == Path("same.h").read_bytes()
    assert f"needs  {26 * size} bytes of constants in flash" in capsys.readouterr().out


def test_mistakes_in_onnx_options_are_one_line(capsys):
    pytest.importorskip("onnx", reason="writes the file")
    line = refused(capsys, "net.safetensors", "net.onnx", "--opset", "3")
    assert line.startswith("bpmatrix: error: opset is not valid: got 3, expected 13 to ")


def test_other_mistakes_are_one_line(capsys, folder):
    for arguments, expected in (
        (("net.safetensors", "net.pb"), "the name of FILE must end with .onnx or .h."),
        (("net.safetensors", "net"), "the name of FILE must end with .onnx or .h."),
        (("none.safetensors", "net.onnx"), "none.safetensors"),
        (("net.safetensors", "new/net.onnx"), "FILE: there is no folder new"),
        (("net.safetensors", "net.onnx", "--dtype", "float16"), "'float16' is not one of"),
    ):
        assert expected in refused(capsys, *arguments)
    (folder / "net.onnx").write_bytes((folder / "net.safetensors").read_bytes())
    assert "would overwrite an input file" in refused(capsys, "net.onnx", "net.onnx")


def test_the_missing_package_onnx_is_named(folder):
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from bpmatrix.cli import main\n"
        "sys.exit(main(['export', 'net.safetensors', 'net.onnx']))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr == (
        "bpmatrix: error: to_onnx needs onnx, which is missing or too old. In a clone of bpmatrix:"
        " pip install '.[onnx]'\n"
    )
    assert not (folder / "net.onnx").exists()


def test_the_old_name_of_book_to_idx_still_works_and_says_the_new_one(capsys):
    assert main(["convert", "no-file.pkl.gz", "mnist"]) == 2
    warning, error = capsys.readouterr().err.splitlines()
    assert warning == (
        "bpmatrix: warning: convert is deprecated and will be removed in 0.3; write bpmatrix"
        " book-to-idx instead."
    )
    assert "no-file.pkl.gz" in error
    main(["--help"])
    assert "convert " not in capsys.readouterr().out.replace("Convert", "")
