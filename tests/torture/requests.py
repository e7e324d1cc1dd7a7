"""A load of requests: `python -m tests.torture.requests RUN BODY.json [--rate 200] [--seconds 60]`.

It starts `jaxmlp serve RUN` at a free port, posts the rows of a JSON file one by one at a steady
rate over connections that stay open, and prints how long the answers took. The status is 1 if an
answer was not 200, or did not come.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

TIMEOUT = 30.0  # seconds until an answer counts as lost


class Result(NamedTuple):
    """What came of a load."""

    sent: int
    wrong: int
    milliseconds: np.ndarray


class Client:
    """A client of HTTP/1.1 whose connections stay open: as little work as can be."""

    def __init__(self, host, port, bodies, kind="application/json"):
        self.place = (host, port)
        self.requests = [
            f"POST /predict HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
            for body in bodies
        ]
        self.free = []

    async def ask(self, number):
        """Send a request, and return the status of its answer."""
        reader, writer = (
            self.free.pop() if self.free else await asyncio.open_connection(*self.place)
        )
        writer.write(self.requests[number % len(self.requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-len"))
        await reader.readexactly(length)
        self.free.append((reader, writer))
        return int(head.split()[1])

    def close(self):
        """Close the connections."""
        for _, writer in self.free:
            writer.close()


async def ask_often(client, rate, seconds):
    """Send requests at a steady rate, whether or not answers have come, and time each of them."""
    times, wrong, tasks, start = [], [], [], time.perf_counter()

    async def one(number):
        began = time.perf_counter()
        try:
            status = await asyncio.wait_for(client.ask(number), TIMEOUT)
        except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError) as error:
            status = repr(error)
        times.append(time.perf_counter() - began)
        if status != 200:
            wrong.append(status)

    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    client.close()
    if wrong:
        print(f"wrong: {wrong[:3]}", file=sys.stderr)
    return Result(len(times), len(wrong), 1000 * np.array(times))


def main():
    """Start the service, load it, and print what came of it."""
    parser = argparse.ArgumentParser(description="Load the service with requests.")
    parser.add_argument("run")
    parser.add_argument("rows", help="a JSON file, a list of rows")
    parser.add_argument("--rate", type=float, default=200, help="requests a second; default 200")
    parser.add_argument("--seconds", type=float, default=60, help="of the load; default 60")
    options = parser.parse_args()
    rows = [json.dumps([row]).encode() for row in json.loads(Path(options.rows).read_text())]
    command = [sys.executable, "-m", "jaxmlp.serve", options.run, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        port = int(service.stdout.readline().split(",")[0].rsplit(":", 1)[1])
        asyncio.run(ask_often(Client("127.0.0.1", port, rows), 20, 1))  # compiles
        result = asyncio.run(
            ask_often(Client("127.0.0.1", port, rows), options.rate, options.seconds)
        )
        service.terminate()
    middle, high, most = np.percentile(result.milliseconds, (50, 99, 100))
    print(
        f"{result.sent} requests at {options.rate:g} a second, {result.wrong} wrong;"
        f" median {middle:.1f} ms, p99 {high:.1f} ms, largest {most:.1f} ms;"
        f" the service ended with status {service.returncode}"
    )
    return 1 if result.wrong or service.returncode != 143 else 0


if __name__ == "__main__":
    sys.exit(main())
