"""Answer over HTTP with a trained network: `python -m jaxmlp.serve RUN`.

    curl -d '[{"age": 41, "town": "Bern"}]' -H 'content-type: application/json' URL/predict
    curl --data-binary @digit.png -H 'content-type: image/png' URL/predict

`GET URL/schema` says what the network takes, `GET URL/health` that it is there. The service is for
this machine unless `--host` says otherwise; it has no passwords and no encryption, which are the
work of a proxy before it. Ctrl-C or SIGTERM ends it after the requests that have begun.
"""

import socket
from pathlib import Path

from jaxmlp.cli.extras import need
from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check

PROG = program_name("serve")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Answer over HTTP with a trained network.")
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    text = "address to listen at; default 127.0.0.1, which only this machine reaches"
    parser.add_argument("--host", metavar="TEXT", default="127.0.0.1", help=text)
    text = "port to listen at, 0 for any that is free; default 8000"
    parser.add_argument("--port", metavar="N", type=int, default=8000, help=text)
    text = "most bytes of a body; default 16 MiB"
    parser.add_argument("--max-bytes", metavar="N", type=int, default=16 << 20, help=text)
    text = "most examples in a request; default 10000"
    parser.add_argument("--max-rows", metavar="N", type=int, default=10_000, help=text)
    text = "most seconds for a body to come, and for the answer; default 10"
    parser.add_argument("--timeout", metavar="X", type=float, default=10.0, help=text)
    parser.add_parts_arguments()
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    check(0 <= options.port < 2**16, "--port", "from 0 to 65535", options.port)
    check(options.max_bytes >= 1, "--max-bytes", "at least 1", options.max_bytes)
    check(options.max_rows >= 1, "--max-rows", "at least 1", options.max_rows)
    check(0 < options.timeout <= 3600, "--timeout", "in (0, 3600]", options.timeout)
    need(("starlette", "uvicorn"), "serve", "the service")
    from jaxmlp.cli.console import print_line
    from jaxmlp.cli.interrupt import interrupted_status, interruptible
    from jaxmlp.runs.network import load
    from jaxmlp.serve.app import make_app, serve_until
    from jaxmlp.serve.bodies import Limits

    network = load(options.run, parts=options.parts, changed_parts=options.changed_parts)
    limits = Limits(options.max_bytes, options.max_rows, options.timeout)
    app = make_app(network, limits, Path(options.run).resolve().name)
    with _listen(options.host, options.port) as listener, interruptible() as noted:
        host, port = listener.getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        print_line(f"serving {options.run} at http://{address}, until Ctrl-C")
        serve_until(lambda: bool(noted), app, listener)
    return interrupted_status(noted) if noted else 1


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot listen at {host} port {port}: {reason}") from None


if __name__ == "__main__":
    run_process(main)
