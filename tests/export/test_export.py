"""`python -m jaxmlp.export`: the files of a run, checked against it, and what is refused."""

import shutil
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import onnxruntime
import pytest

from jaxmlp.cli import extras
from jaxmlp.data import load as load_data
from jaxmlp.export.__main__ import main
from jaxmlp.runs.network import load
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")


def refuse(capsys, arguments, message):
    assert_refused(capsys, "export", main, [*map(str, arguments)], message)


def test_a_run_is_exported_whole(digits_copy, capsys):
    """Without a file all are written; ONNX and the module answer as the run does on its test."""
    assert main([str(digits_copy)]) == 0
    said = capsys.readouterr().out
    for word in ("model.onnx", "onnx.reference", "onnxruntime", "NumPy", "card.html"):
        assert word in said
    x, folder = load_data("digits").x_test, digits_copy / "export"
    wanted = load(digits_copy).predict_proba(x)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    label, found = session.run(None, {"x": x.astype(np.float32)})
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert label.tolist() == load(digits_copy).predict(x).tolist()
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["classes"] == '["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]'
    spec = spec_from_file_location("model", folder / "model.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    np.testing.assert_allclose(module.predict_proba(x), wanted, atol=1e-5)
    assert module.predict(x).tolist() == label.tolist()
    refuse(capsys, [digits_copy], "model.onnx exists; replace it with --overwrite")
    assert main([str(digits_copy), "--overwrite"]) == 0


def test_what_is_refused(digits_run, tmp_path, capsys, monkeypatch):
    refuse(capsys, [digits_run, "model.h5"], "must be .onnx, .py, .js, .mjs")
    refuse(capsys, [digits_run, tmp_path / "no" / "m.py"], "does not exist")
    refuse(capsys, [tmp_path / "no"], "no")
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    refuse(capsys, [digits_run, tmp_path / "m.onnx"], "pip install 'jaxmlp[onnx]'")


def test_without_node_the_file_says_that_it_was_not_checked(
    digits_run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main([str(digits_run), str(tmp_path / "m.mjs")]) == 0
    assert "not checked: there is no node" in capsys.readouterr().out
