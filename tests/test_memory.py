"""Memory is counted before it is taken."""

import os
import subprocess
import sys

import pytest

from jaxmlp import memory
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory, format_memory, free_memory, parse_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 << 30),
        ("4", 4 << 30),
        ("1.5 GiB", 3 << 29),
        (" 500mb ", 500 << 20),
        ("0.5k", 512),
        ("2T", 2 << 40),
    ],
)
def test_an_amount_of_memory_is_read(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-1", "0", "1e9", "4B", "nan", "G", "1" * 400, "٤"])
def test_what_is_no_amount_of_memory(text):
    with pytest.raises(InputError, match=r"^--memory must be an amount of memory such as 4G or"):
        parse_memory(text, "--memory")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (5 << 29, "2.5 GiB"),
        (1023 << 20, "1023 MiB"),
        (2**69, "512 EiB"),
        (2**9000, "over 1024 EiB"),
    ],
)
def test_an_amount_of_memory_is_written(size, text):
    assert format_memory(size) == text


def test_memory_is_limited_by_the_variable(monkeypatch):
    monkeypatch.setenv("JAXMLP_MEMORY", "2K")
    check_memory(2048, "a.npz unpacks to", 1)
    message = (
        "a.npz unpacks to 2 KiB, more than the 2 KiB that are allowed; "
        "raise this limit with --memory or JAXMLP_MEMORY"
    )
    with pytest.raises(InputError) as error:
        check_memory(2049, "a.npz unpacks to", 1)
    assert str(error.value) == message
    monkeypatch.setenv("JAXMLP_MEMORY", "much")
    with pytest.raises(InputError, match=r"^JAXMLP_MEMORY must be an amount of memory"):
        check_memory(1, "a.npz unpacks to")


def test_memory_is_limited_by_what_is_free_and_by_the_file(monkeypatch):
    """Without the variable: a third of the free memory, and 100 times a file that is not small."""
    monkeypatch.delenv("JAXMLP_MEMORY", raising=False)
    monkeypatch.setattr(memory, "free_memory", lambda: 3 << 32)
    check_memory(4 << 30, "it takes")
    with pytest.raises(InputError, match=r"more than the 4 GiB that are a third of the free"):
        check_memory((4 << 30) + 1, "it takes")
    check_memory(512 << 20, "it takes", packed=1)
    with pytest.raises(InputError, match=r"the 512 MiB that a file of 3 MiB usually holds"):
        check_memory((512 << 20) + 1, "it takes", packed=3 << 20)
    check_memory(1000 << 20, "it takes", packed=10 << 20)
    with pytest.raises(InputError, match=r"the 1000 MiB that a file of 10 MiB usually holds"):
        check_memory((1000 << 20) + 1, "it takes", packed=10 << 20)
    with pytest.raises(InputError, match=r"the 4 GiB that are a third of the free memory"):
        check_memory(5 << 30, "it takes", packed=1 << 30)


CONTAINERS = {  # the files of a control group, and what it leaves
    "second": (
        {"memory.max": "1000", "memory.current": "700", "memory.stat": "anon 5\ninactive_file 200"},
        500,
    ),
    "first": (
        {
            "memory/memory.limit_in_bytes": "900",
            "memory/memory.usage_in_bytes": "100",
            "memory/memory.stat": "total_inactive_file 10",
        },
        810,
    ),
    "no limit": ({"memory.max": "max", "memory.current": "7", "memory.stat": ""}, 2048),
    "none": ({}, 2048),
    "more is used": ({"memory.max": "5", "memory.current": "7", "memory.stat": ""}, 0),
}


@pytest.mark.parametrize(("group", "left"), CONTAINERS.values(), ids=CONTAINERS)
def test_free_memory_is_that_of_machine_and_container(tmp_path, monkeypatch, group, left):
    for name, text in group.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "meminfo").write_text("MemFree: 1 kB\nMemAvailable:       2 kB\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    assert free_memory() == left


def test_free_memory_where_the_system_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    assert free_memory() > 1 << 20  # half of the machine's
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert free_memory() == memory.UNKNOWN_MEMORY


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_free_memory_knows_the_limit_of_the_address_space():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, -1));"
        "from jaxmlp.memory import free_memory; print(free_memory())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert 0 < int(found.stdout) < 1 << 30
