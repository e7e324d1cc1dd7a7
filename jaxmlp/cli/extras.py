"""Packages that a plain installation lacks, because one command alone needs them."""

from importlib.util import find_spec

from jaxmlp.errors import InputError


def need(modules: tuple[str, ...], extra: str, what: str) -> None:
    """Reject what needs packages that are not installed.

    Args:
      modules: the names by which they are imported.
      extra: the extra of this project that installs them.
      what: what needs them, for the message.

    Raises:
      InputError: names the first that is missing, and how to install it.
    """
    for module in modules:
        if find_spec(module) is None:
            raise InputError(
                f"{what} needs the package {module}, which is not installed; try: pip install"
                f" 'jaxmlp[{extra}]'"
            )
