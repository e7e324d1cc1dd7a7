"""What a user chooses about the network."""

from dataclasses import dataclass

from jaxmlp.config.fields import (
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    at_least,
    between,
    option,
)
from jaxmlp.config.names import (
    ACTIVATIONS,
    EMBEDDINGS,
    FAN_FAMILIES,
    FORWARD_ONLY,
    INITIALIZERS,
    LEARNED_ACTIVATIONS,
    MODELS,
    OUTPUT_ACTIVATIONS,
)


@dataclass(frozen=True)
class NetworkOptions:
    """The fields of a configuration that say what the network is and where it starts."""

    model: str = option("mlp", "kind of network", tuple(MODELS), "network", own=True)
    hidden: tuple[int, ...] | None = option(
        None,
        "width of each hidden layer of an mlp, default 128; no width: a linear model",
        must_be=at_least(1),
    )
    activation: tuple[str, ...] = option(
        ("relu",),
        "activation of the hidden layers: one for all, or one for each",
        ACTIVATIONS.names + LEARNED_ACTIVATIONS.names + FORWARD_ONLY.names,
        own=True,
    )
    output_activation: str = option(
        "identity",
        "activation behind the output of a regression; relu and softplus: no answer is negative",
        OUTPUT_ACTIVATIONS.names,
    )
    alpha: float | None = option(
        None,
        "slope of leaky_relu below 0, default 0.01; height of elu below 0, default 1",
        must_be=POSITIVE,
    )
    init_from: str | None = option(
        None, "start from the weights of this run; its network and scaling are taken over"
    )
    initializer: str = option(
        "he_normal", "initializer of the kernels", INITIALIZERS.names, own=True
    )
    initializer_scale: float = option(
        0.01,
        "value of constant, standard deviation of (truncated) normal, or bound of uniform",
        must_be=POSITIVE,
    )
    fan: str | None = option(
        None,
        f"fan that divides the variance of {', '.join(FAN_FAMILIES)}; default the family's own",
        ("fan_in", "fan_out", "fan_avg"),
    )
    layer_norm: bool = option(False, "normalise the hidden units of an mlp before their activation")
    dropout: float | None = option(
        None,
        "probability of dropping a hidden unit in training; default 0.2 for the classes of a"
        " table, else 0",
        must_be=SHARE,
    )
    input_dropout: float = option(
        0.0, "probability of setting an input to 0 in training, such as 0.2", must_be=SHARE
    )
    input_noise: float = option(
        0.0,
        "standard deviation of Gaussian noise that training adds to the scaled inputs, such as 0.2",
        must_be=NOT_NEGATIVE,
    )
    embed: str = option(
        "none",
        "embedding of each input of an mlp before its first kernel: pieces of a line, or waves",
        ("none", *EMBEDDINGS.names),
    )
    ensemble: int = option(
        1,
        "number of networks trained side by side, whose answers are averaged",
        must_be=between(1, 1000),
    )
