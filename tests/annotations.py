"""What checks annotations in the tests: beartype, once for all functions of one signature.

jaxtyping checks a call by an empty function of the same signature, which the type checker wraps. A
layer defines its functions anew each time that one is made, so beartype would write the same checks
again for each layer of each network: a fifth of the time of tests that build many.
"""

import inspect
from typing import get_args, get_origin

import beartype
from jaxtyping import AbstractArray

CONF = beartype.BeartypeConf(is_pep484_tower=True)  # int is a float
CHECKED = {}


def checked(empty):
    """Return the empty function with checks of its annotations; made once for its signature."""
    key = signature_of(empty)
    try:
        return CHECKED[key]
    except TypeError:  # a default or an annotation that cannot be looked up
        return beartype.beartype(conf=CONF)(empty)
    except KeyError:
        CHECKED[key] = beartype.beartype(conf=CONF)(empty)
        return CHECKED[key]


def signature_of(empty):
    """Return all that tells one empty function from another: its names, types and defaults."""
    code = empty.__code__
    kinds = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    defaults = (empty.__defaults__, tuple((empty.__kwdefaults__ or {}).items()))
    types = tuple((name, parts_of(value)) for name, value in empty.__annotations__.items())
    where = (empty.__module__, empty.__qualname__)
    return where, code.co_varnames, code.co_code, kinds, types, defaults


def parts_of(annotation):
    """Return what an annotation is made of: jaxtyping makes a class anew for each `Float[...]`."""
    if inspect.isclass(annotation) and issubclass(annotation, AbstractArray):
        return AbstractArray, annotation.dtypes, annotation.array_type, annotation.dim_str
    if isinstance(annotation, list):  # the arguments of a Callable
        return list, *map(parts_of, annotation)
    if get_args(annotation):
        return get_origin(annotation), *map(parts_of, get_args(annotation))
    return annotation
