"""Several devices train the network that one device trains: parameters, metrics, and what moves.

A process of its own has eight devices, and tells what it found (`mesh_cases`).
"""

import json
import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest

import jaxmlp
from jaxmlp import train
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.errors import InputError
from jaxmlp.training import begin
from jaxmlp.training.exchange import Exchange, exchanges
from jaxmlp.training.mesh import make_mesh, on_devices, parts
from tests.training import mesh_cases

WORDS = r"devices must be from 1 to 1, .* got"
NEAR = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 2e-3}  # of parameters of about 1


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the process with eight devices found."""
    folder = str(tmp_path_factory.mktemp("mesh"))
    surroundings = os.environ | {"JAX_NUM_CPU_DEVICES": "8"}
    line = [sys.executable, "-m", "tests.training.mesh_cases", folder]
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=300, env=surroundings
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", mesh_cases.CASES)
def test_the_parameters_and_the_metrics_do_not_depend_on_the_number_of_devices(found, name):
    near = NEAR[mesh_cases.CASES[name].get("precision", "float32")]
    for case in found["differences"][name]:
        assert case["devices"] in mesh_cases.COUNTS[1:]
        assert case["parameters"] <= near
        first, other = (np.array(metrics, float) for metrics in case["metrics"])
        np.testing.assert_allclose(other, first, rtol=0, atol=10 * near)
        assert case["stopped"][0] == case["stopped"][1]


def test_the_compared_runs_end_early_and_are_watched(found):
    """So the cases hold what they are for."""
    (stopped,) = found["differences"]["autodiff"]
    assert stopped["stopped"][0]
    assert len(stopped["metrics"][0]) < 20
    (random,) = found["differences"]["random"]
    assert len(random["watched"][0]) == 3  # the start, and two epochs
    np.testing.assert_allclose(*random["watched"], rtol=1e-5)  # six digits are kept


def test_divergence_is_found_at_the_same_step(found):
    first, other = found["breaking"]
    assert "is not finite in epoch" in first
    assert other == first


@pytest.mark.parametrize("size", ["64", "90"])
def test_a_step_moves_the_gradient_and_the_batch_and_nothing_else(found, size):
    """The gradient is added up on all devices; of a batch each gets its share."""
    case = found["sent"][size]
    moved = [Exchange(*exchange) for exchange in case["exchanges"]]
    size_of = {kind: sum(e.size for e in moved if e.kind == kind) for kind, *_ in moved}
    sums = 64  # bytes at most: the loss, the score, the weights and the like
    assert 0 <= size_of.pop("all-reduce") - case["parameters"] <= sums
    assert size_of.pop("reduce-scatter") == case["batch"]
    assert sum(size_of.values()) <= 2 * 4 * 96  # of a batch that cannot be split evenly


def test_each_device_holds_its_share_of_the_examples(found):
    assert found["sent"]["64"]["held"] == [225] * 8  # of 1797, and 3 rows of zeros


def test_sharded_parameters_and_their_moments_lie_in_shares(found):
    """10 does not divide by 8: the last bias is whole. All are gathered for each step."""
    case = found["sharded"]
    assert case["kept"] == [[1, 1], [10, 10], [16, 2], [160, 20], [1024, 128]]
    gathered = sum(size for kind, size, _ in case["exchanges"] if kind == "all-gather")
    assert gathered >= case["parameters"] - 10 * 4


def test_later_epochs_on_several_devices_compile_nothing(found):
    counts = found["programs"]
    assert len(counts) >= 2
    assert counts[0] > 0
    assert counts[1:] == counts[:-1]


def test_a_run_of_eight_devices_goes_on_with_two(found):
    """It is the run that one device trains, and its recipe says nothing of devices."""
    case = found["resumed"]
    assert case["status"] == [0, 0, 0]
    assert case["epochs"] == [4, 4]
    assert case["devices"] == [2, 1]
    assert case["parameters"] <= NEAR["float64"]
    assert case["recipes"][0] == case["recipes"][1]


PROGRAM = """
%while_body (p: (s32[], f32[4])) -> (s32[], f32[4]) {
  %all-reduce.1 = (f32[784,128]{1,0}, f32[]) all-reduce(%a, %b), replica_groups={{0,1,2,3}}
  %ar = bf16[10]{0} all-reduce-start(%c), to_apply=%add
  %done = bf16[10]{0} all-reduce-done(%ar)
  %rs = u8[16,28]{1,0} reduce-scatter(%d), dimensions={0}
  %ag = pred[8]{0} all-gather(%e), dimensions={0}
  %cp = s32[2]{0} collective-permute(%f), source_target_pairs={{0,1}}
  %fusion = f32[3]{0} fusion(%all-reduce.1), kind=kLoop
"""


def test_exchanges_are_read_from_a_program():
    """Bytes by hand, of four devices."""
    found = exchanges(PROGRAM, 4)
    assert [(e.kind, e.size) for e in found] == [
        ("all-reduce", 784 * 128 * 4 + 4),
        ("all-reduce", 20),
        ("reduce-scatter", 16 * 28 * 4),
        ("all-gather", 8),
        ("collective-permute", 32),
    ]
    assert [e.sent for e in found[1:]] == [30.0, 16 * 28 * 3, 6.0, 8.0]


@pytest.mark.parametrize("many", [0, -1, 2, 10**30, 1.5, True])
def test_a_number_of_devices_that_are_not_there_is_one_line(many):
    with pytest.raises(InputError, match=WORDS):
        make_mesh(many)
    with pytest.raises(InputError, match=WORDS):
        jaxmlp.fit(Config(hidden=(2,), epochs=1), "xor", devices=many)


def test_the_command_refuses_devices_that_are_not_there(tmp_path, capsys):
    words = ["--dataset", "xor", "--out", str(tmp_path / "run"), "--devices", "8"]
    assert train.main(words) == 2
    said = capsys.readouterr().err
    assert said == (
        "python -m jaxmlp.train: error: devices must be from 1 to 1, as many as JAX finds here"
        " (JAX_NUM_CPU_DEVICES makes several of a processor), got 8\n"
    )
    assert not (tmp_path / "run").exists()


def test_one_device_compiles_the_program_that_needs_no_mesh():
    """The mesh of one is one more name for the device; XLA is given nothing more to do."""

    def program():
        problem = pose_problem(Config(hidden=(4,), dropout=0.1, batch_size=16), load("iris"))
        state, _ = begin(problem.trainer, 0)
        order = jax.ShapeDtypeStruct((1, 3, 16), np.int32)
        lowered = problem.trainer.run.lower(state, problem.train.examples, order, 0, 3)
        text = lowered.compile().as_text()
        return sorted(re.findall(r"= (.+?) ([\w-]+)\(", text))  # each operation with its shape

    plain = program()
    assert len(plain) > 100
    with on_devices(1):
        assert program() == plain


def test_one_device_has_nothing_to_share_parameters_with():
    words = "shard_parameters does not apply to one device"
    with pytest.raises(InputError, match=words):
        jaxmlp.fit(Config(hidden=(2,), epochs=1), "xor", shard_parameters=True)


def test_a_context_gives_its_devices_back():
    with on_devices(1) as mesh:
        assert mesh.axis_names == ("examples",)
        with pytest.raises(InputError, match=WORDS), on_devices(2):
            pass
        assert parts() == 1
