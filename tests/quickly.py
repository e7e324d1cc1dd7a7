"""Have XLA compile with little effort where `jax_disable_most_optimizations` asks for little.

Half of the time of the tests is compiling. JAX's option alone spares less than it could: XLA still
generates each kernel in the way that gives the fastest programs, and splits it among threads that
two workers do not have. Its older way takes half of the time, and computes the same.
"""

import jax
from jax._src import compiler

LITTLE = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


def is_known(options):
    """Return whether this version of XLA has these options."""
    try:
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def install():
    """Give XLA these options with every program that JAX compiles with little effort."""
    usual = getattr(compiler, "get_compile_options", None)  # not public: another version may differ
    if usual is None or not is_known(LITTLE):
        return  # the tests take longer

    def with_little(*arguments, env_options_overrides=None, **options):
        if jax.config.read("jax_disable_most_optimizations"):
            env_options_overrides = {**LITTLE, **(env_options_overrides or {})}
        return usual(*arguments, env_options_overrides=env_options_overrides, **options)

    compiler.get_compile_options = with_little
