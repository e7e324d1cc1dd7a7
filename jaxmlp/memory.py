"""How much memory may be taken, and the refusal of what needs more.

What comes from outside says how large it is before it is unpacked, and a configuration before it
is trained. `check_memory` compares this with the memory that may be taken.

Every part of the library may import this module.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jaxmlp.errors import InputError, check

if sys.platform != "win32":
    import resource

MEMORY_VARIABLE = "JAXMLP_MEMORY"
SHARE = 3  # data are in memory twice while they are split: they may fill a third of what is free
USUAL_GROWTH = 100  # a file that unpacks to more times its size was made to fill the memory
SMALL_CONTENT = 512 << 20  # bytes, that any file may unpack to
NOTHING = 1 << 20  # bytes that are taken without asking
UNKNOWN_MEMORY = 8 << 30  # bytes, where the system does not tell how much is free
CGROUPS = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def parse_memory(text: str, name: str = "memory") -> int:
    """Read an amount of memory.

    Args:
      text: such as `4G`, `1.5 GiB` or `500M`; a number alone counts gigabytes of 2^30 bytes.
      name: what the amount is called in a message.

    Returns:
      Bytes.

    Raises:
      InputError: if the text is no such amount, or below one byte.
    """
    form = r"\s*(\d{1,9}(?:\.\d{,9})?)\s*(?:([kmgt])i?b?)?\s*"
    match = re.fullmatch(form, text, re.IGNORECASE | re.ASCII)
    power = {"k": 10, "m": 20, "g": 30, "t": 40}
    size = int(float(match[1]) * 2 ** power[(match[2] or "g").lower()]) if match else 0
    check(size > 0, name, "an amount of memory such as 4G or 500M", text)
    return size


def format_memory(size: float) -> str:
    """Write an amount of memory for a message, such as `2.5 GiB`.

    Args:
      size: bytes.

    Returns:
      The text.
    """
    for power, unit in enumerate(("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")):
        if size < 1024 ** (power + 1):
            amount = size / 1024**power
            return f"{amount:.3g} {unit}" if amount < 999.5 else f"{amount:.0f} {unit}"
    return "over 1024 EiB"


def check_memory(need: int, what: str, packed: int | None = None) -> None:
    """Refuse to take more memory than allowed, before it is taken.

    The limit is what the variable `JAXMLP_MEMORY` says, which the option `--memory` of the commands
    sets. Without it, the limit is a third of the memory that is free. A file may in addition fill
    only 100 times its size on the disk, or 512 MiB if this is more. Less than 1 MiB is taken
    without a look at the machine, which costs more than to take it.

    Args:
      need: bytes that are about to be taken; an integer of any size.
      what: the beginning of the message, with its verb, such as "a.npz unpacks to".
      packed: the size of the file on the disk, if it is a file that is unpacked.

    Raises:
      InputError: if the need is above the limit, or the variable is no amount of memory.
    """
    if text := os.environ.get(MEMORY_VARIABLE):
        limit, why = parse_memory(text, MEMORY_VARIABLE), "that are allowed"
    elif need < NOTHING:
        return
    else:
        limit, why = free_memory() // SHARE, "that are a third of the free memory"
        usual = SMALL_CONTENT if packed is None else max(SMALL_CONTENT, USUAL_GROWTH * packed)
        if packed is not None and usual < limit:
            limit, why = usual, f"that a file of {format_memory(packed)} usually holds"
    if need > limit:
        raise InputError(
            f"{what} {format_memory(need)}, more than the {format_memory(limit)} {why}; "
            f"raise this limit with --memory or {MEMORY_VARIABLE}"
        )


def memory_allowed() -> int:
    """Return how many bytes data may take: what the user allows, or a third of the free memory.

    Raises:
      InputError: if the variable `JAXMLP_MEMORY` is no amount of memory.
    """
    text = os.environ.get(MEMORY_VARIABLE)
    return parse_memory(text, MEMORY_VARIABLE) if text else free_memory() // SHARE


def free_memory() -> int:
    """Return how many bytes this process can still take before the machine swaps or refuses.

    It is the smallest of what the system has available, what the control groups of the process
    leave (a container, a batch job), and what is left of its address space (`ulimit -v`).
    """
    found = [*_system_memory(), *_control_group_memory(), *_address_space()]
    return max(0, min(found, default=UNKNOWN_MEMORY))


def _system_memory() -> Iterator[int]:
    with suppress(OSError):
        if match := re.search(r"^MemAvailable:\s*(\d+) kB", MEMINFO.read_text(), re.MULTILINE):
            yield int(match[1]) * 1024
            return
    if hasattr(os, "sysconf"):  # no Linux: half of the machine's memory
        with suppress(OSError, ValueError):
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _control_group_memory() -> Iterator[int]:
    """Yield what the control groups leave, of version 2 and 1; a limit "max" is none."""
    own = {""}
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own |= {line.split(":", 2)[2].strip("/") for line in lines}
    second = (CGROUPS, "memory.max", "memory.current", "inactive_file")
    first = (CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
    for root, limit, used, cached in (second, (*first, "total_inactive_file")):
        places = {place for path in own for place in (root / path, *(root / path).parents)}
        for place in places:
            with suppress(OSError, ValueError):  # no such group, or no limit
                most, now = int((place / limit).read_text()), int((place / used).read_text())
                lines = (place / "memory.stat").read_text().splitlines()
                yield most - now + int(dict(line.split() for line in lines).get(cached, 0))


def _address_space() -> Iterator[int]:
    if sys.platform == "win32":
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        with suppress(OSError):
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            yield limit - pages * resource.getpagesize()
