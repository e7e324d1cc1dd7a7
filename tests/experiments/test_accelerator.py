"""The script for accelerators: its sections at tiny sizes, its file, its budget, its failures."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from experiments.accelerator import __main__ as command
from experiments.accelerator import device, libraries, loops, proofs, runs, section
from experiments.accelerator.plan import Notes, Plan, read_notes
from experiments.accelerator.table import markdown


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A plan for the processor with 300 made-up digits, and no other library."""
    scratch = tmp_path_factory.mktemp("scratch")
    rng, file = np.random.default_rng(0), scratch / "digits.npz"
    x, y = rng.integers(0, 256, (600, 28, 28), np.uint8), np.arange(600, dtype=np.int32) % 10
    np.savez(file, x_train=x[:500], y_train=y[:500], x_test=x[500:], y_test=y[500:])
    return Plan("cpu", "mnist_5k", str(file), (), str(scratch), quick=True)


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path / "notes.json")


def numbers_of(notes):
    """Return the numbers on file, which are those in memory and no errors."""
    numbers, errors = read_notes(notes._file)
    assert not errors
    assert numbers == json.loads(json.dumps(notes.numbers))
    return numbers


def test_the_device_is_named(plan, notes):
    device.describe(plan, notes)
    found = numbers_of(notes)
    assert found["platform"] == "cpu"
    assert found["devices"]
    assert found["packages"]["pytest"]


@pytest.mark.parametrize(
    ("platform", "version", "expected"),
    [("gpu", "PJRT C API\ncuda 13000", "cuda"), ("gpu", "rocm 70000", "rocm"), ("tpu", "", "tpu")],
)
def test_a_gpu_has_the_name_that_jax_platforms_takes(platform, version, expected):
    assert device.platform_of(platform, version) == expected


def test_a_step_costs_time_in_every_loop(plan, notes):
    loops.step(plan, notes)
    found = numbers_of(notes)
    assert found["784-128-10 at 128, runs at once: 8"]["step_of_a_run_microseconds"] > 0
    assert found["loop_of_known_length"]["kernels_of_a_step"] > 1
    assert found["command_buffers"].startswith("not tried")


def test_the_options_for_command_buffers_are_known_to_the_compiler(plan):
    for options in loops.COMMAND_BUFFERS.values():
        loops.Loop(loops.posed(plan, (4,), 128), options=options)


def test_kernels_are_counted_in_the_longest_loop():
    program = """%body (p: f32[]) -> (f32[], s32[]) {
  %p = f32[] parameter(0)
  %a = (f32[2]{0}, s32[]) fusion(%p), kind=kLoop
  %b = f32[2]{0} custom-call(%a), custom_call_target="gemm"
  ROOT %t = (f32[], s32[]) tuple(%a, %b)
}

ENTRY %main (x: f32[]) -> f32[] {
  %c = f32[] copy(%x)
  ROOT %w = (f32[], s32[]) while(%c), condition=%cond, body=%body
}
"""
    assert loops.kernels_of(program) == 2


def test_a_sweep_is_held_against_one_run(plan, notes):
    loops.sweep(plan, notes)
    found = numbers_of(notes)
    together, alone = found["2_runs_in_a_loop"], found["one_run_alone"]["runs_per_second"]
    assert together["over_one_run_alone"] == together["runs_per_second"] / alone > 0


def test_precisions_are_measured(plan, notes):
    loops.precision(plan, notes)
    found = numbers_of(notes)["784-128-10 at 128"]
    for name in ("float32", "float32_highest", "bfloat16"):
        assert found[f"{name}_step_microseconds"] > 0


def test_a_run_is_killed_and_resumed(plan, notes):
    runs.resume(plan, notes)
    found = numbers_of(notes)["as_usual"]
    assert found["same_bytes_after_resuming"]
    assert 0 < found["epochs_before_the_kill"] < found["epochs"]


def test_the_largest_difference_of_two_networks(tmp_path):
    for name, value in (("a", 1.0), ("b", 1.25)):
        (tmp_path / name).mkdir()
        save_file({"W": np.array([0, value])}, tmp_path / name / "model.safetensors")
    a, b = tmp_path / "a", tmp_path / "b"
    assert (runs.difference(a, a), runs.difference(a, b)) == (0, 0.25)


def test_outcomes_of_tests_are_counted(tmp_path):
    tests = "def test_a(): pass\ndef test_b(): assert 1 == 2, 'no'\n"
    (tmp_path / "test_it.py").write_text(tests)
    file = tmp_path / "outcomes.jsonl"
    line = ["-p", "experiments.accelerator.outcomes", "-p", "no:cacheprovider", "-c", "/dev/null"]
    env = proofs.environment() | {"ACCELERATOR_OUTCOMES": str(file), "PYTHONPATH": str(proofs.ROOT)}
    run = [command.sys.executable, "-m", "pytest", *line, str(tmp_path)]
    assert subprocess.run(run, env=env, cwd=tmp_path, capture_output=True).returncode == 1
    found = proofs.counts(file)
    assert (found["passed"], found["failed"], found["skipped"]) == (1, 1, 0)
    assert found["failures"][0]["test"].endswith("test_b")
    assert found["failures"][0]["message"] == "AssertionError: no"
    assert sum(found["tests_on_each_device"].values()) == 2


def test_the_tests_of_gradients_are_there():
    for name in (*proofs.FILES, *proofs.QUICK):
        assert (proofs.ROOT / name).exists(), name


def test_a_library_that_fails_leaves_the_others(plan, notes):
    libraries.epochs(plan._replace(libraries=("no_such_library",)), notes)
    numbers, errors = read_notes(notes._file)
    assert "no_such_library" in next(iter(errors.values()))
    assert numbers["784-128-10 at 128"]["epoch_seconds"]["jaxmlp"]["median"] > 0


MADE_UP = """
import os, time

def good(plan, notes):
    notes.keep(platform="cpu", step_microseconds=2.5)

def bad(plan, notes):
    notes.keep(before=1)
    raise ValueError("not | today")

def dies(plan, notes):
    notes.keep(before=2)
    os.abort()

def slow(plan, notes):
    notes.keep(before=3)
    time.sleep(600)
"""


@pytest.fixture
def made_up(monkeypatch, plan, tmp_path):
    """Sections that take no time, of which one fails, one dies and one never ends."""
    (tmp_path / "made_up.py").write_text(MADE_UP)
    table = {name: (f"made_up:{name}", 1.0) for name in ("bad", "dies", "slow")}
    table = {"device": ("made_up:good", 1.0), **table, "last": ("made_up:good", 1.0)}
    monkeypatch.setattr(command, "SECTIONS", table | {"slow": ("made_up:slow", 0.1)})
    monkeypatch.setattr(
        command, "_plan", lambda scratch, quick: plan._replace(scratch=str(scratch))
    )
    child = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    child += f"import experiments.accelerator.section as s\ns.SECTIONS = {table!r}\n"
    child += "sys.exit(s.main(sys.argv[1:]))"
    popen = subprocess.Popen

    def start(line, **more):
        return popen([line[0], "-c", child, *line[3:]], **more)

    monkeypatch.setattr(command.subprocess, "Popen", start)


def test_one_section_that_fails_leaves_the_others(made_up, tmp_path, capsys):
    out = tmp_path / "found.json"
    assert command.main(["--minutes", "1", "--out", str(out)]) == 1
    record = json.loads(out.read_text())
    found = record["sections"]
    status = {name: each["status"] for name, each in found.items()}
    assert status == {
        "device": "done",
        "bad": "failed",
        "dies": "failed",
        "slow": "stopped",
        "last": "done",
    }
    assert found["bad"]["errors"] == {"bad": "ValueError: not | today"}
    assert "the process ended by status -6" in found["dies"]["errors"]["dies"]
    assert [found[name]["numbers"]["before"] for name in ("bad", "dies", "slow")] == [1, 2, 3]
    said = capsys.readouterr()
    assert "JAX finds no accelerator" in said.err
    assert "sections that failed: bad, dies" in said.err
    assert "| last | step | 2.500 microseconds |" in said.out
    assert "| bad | **failed** | bad: ValueError: not / today |" in said.out


def test_a_spent_budget_is_said(made_up, tmp_path, capsys):
    out = tmp_path / "found.json"
    assert command.main(["--minutes", "0.01", "--out", str(out), "--only", "last"]) == 0
    found = json.loads(out.read_text())["sections"]
    assert {each["status"] for each in found.values()} == {"not run"}
    assert "last: not run, the budget of 0.01 minutes was spent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--minutes 0", "--minutes must be greater than 0, got 0"),
        ("--only steps", "unknown section 'steps', expected one of"),
    ],
)
def test_bad_input(capsys, line, message):
    assert command.main(line.split()) == 2
    assert message in capsys.readouterr().err


def test_absent_libraries_and_data_are_said(monkeypatch, tmp_path, capsys):
    def no_mnist(*line):
        if "mnist" in line:
            raise command.Failed("there is no network")

    monkeypatch.setattr(command, "run", no_mnist)
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "keras" else name)
    plan = command._plan(tmp_path, quick=False)
    assert (plan.dataset, plan.libraries) == ("mnist_5k", ("torch", "flax"))
    assert command._record(plan, 1)["not_installed"] == ["Keras on JAX"]
    said = capsys.readouterr().err
    assert "mnist is not here, so the targets are those of mnist_5k: there is no network" in said
    assert "Keras on JAX is not installed" in said


def test_the_table_names_the_device():
    numbers = {"kind": "H100", "devices": ["a"], "driver": {"nvidia-smi": ["H100, 580"]}}
    epoch = {"784-128-10 at 128": {"epoch_seconds": {"torch": {"median": 0.25, "low": 0.2}}}}
    sections = {
        "device": {"status": "done", "numbers": numbers},
        "epochs": {"status": "done", "numbers": epoch},
    }
    record = {"sections": sections, "machine": {"versions": {"jax": "0.11"}, "cores": 16}}
    record |= {"dataset": "mnist", "date": "2026-01-02T03", "quick": False}
    record["machine"]["processor"] = "P"
    text = markdown(record)
    assert text.startswith("On 1 x H100; jax 0.11; H100, 580; 16 cores of P; mnist, 2026-01-02:")
    assert "| epochs | 784-128-10 at 128: epoch: torch | 0.2500 s |" in text


def test_each_section_has_a_function():
    for function, share in section.SECTIONS.values():
        module, _, name = function.partition(":")
        assert callable(getattr(section.import_module(module), name))
        assert 0 < share <= 1
    assert Path(proofs.ROOT, "Makefile").read_text().count("experiments.accelerator") == 1
