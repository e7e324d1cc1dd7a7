"""The rows of deck A."""

from experiments.lectures.records import Row

INITIALIZERS = "jaxmlp.nn.initializers"
LOSSES = "jaxmlp.nn.losses"

ROWS = (
    Row(
        "A1",
        "Stable softmax",
        ("The Output Layer: Softmax", "Implementation: Forward Pass (NumPy)"),
        r"a_i = \frac{e^{z_i - m}}{\sum_j e^{z_j - m}}, \quad m = \max_j z_j",
        ("jaxmlp.nn.softmax.softmax",),
        "Subtracting the largest logit changes no probability and prevents the overflow.",
    ),
    Row(
        "A2",
        "One-hot targets",
        ("The Target: One-Hot Encoding", "The Goal: Multi-Class Classification (MNIST)"),
        r"y_i = [i = c]",
        ("jaxmlp.nn.mean_loss.one_hot",),
    ),
    Row(
        "A3",
        "Squared error on softmax outputs",
        ("A Possible Loss: Mean Squared Error (MSE)", "From Regression to Classification"),
        r"\frac{\partial L}{\partial z_j} = 2 a_j \Big( a_j - y_j - \sum_i a_i (a_i - y_i) \Big)",
        (
            f"{LOSSES}.softmax_squared_error",
            f"{LOSSES}.mse",
            "jaxmlp.nn.probabilities.squared_error_slope",
            "jaxmlp.nn.softmax.softmax_jacobian",
            "jaxmlp.nn.softmax.softmax_vjp",
            "jaxmlp.explain.losses",
        ),
        "Its gradient vanishes where the network is confident and wrong.",
    ),
    Row(
        "A4",
        "Softmax cross-entropy",
        (
            "A Better Loss: Cross-Entropy (CE)",
            'Why CE is Better: The "Magic" Gradient',
            "Implementation: Backward Pass (NumPy)",
            "Summary",
        ),
        r"L = -\sum_i y_i \log a_i, \quad \frac{\partial L}{\partial Z} = \frac{A - Y}{N}",
        (
            f"{LOSSES}.cross_entropy",
            "jaxmlp.nn.probabilities.cross_entropy",
            "jaxmlp.nn.probabilities.cross_entropy_slope",
            "jaxmlp.explain.losses",
            "jaxmlp.explain.sections",
        ),
        "Its gradient does not vanish, so training is faster and more stable.",
    ),
    Row(
        "A5",
        "Cross-entropy from logits",
        ("Implementation: Forward Pass (NumPy)", "MNIST Checklist (ReLU MLP/CNN)"),
        r"L = -\big( z_c - \log \sum_j e^{z_j} \big)",
        (
            f"{LOSSES}.cross_entropy",
            "jaxmlp.nn.softmax",
        ),
        "No activation stands before the loss: the loss takes logits.",
    ),
    Row(
        "A6",
        "He normal and uniform, fan in and fan out",
        (
            "Improving Weight Initialization",
            "He (Kaiming) Initialization",
            "Forward vs Backward: fan_in or fan_out?",
            "NumPy: Dense He Initialization",
        ),
        r"\mathcal{N}\Big(0, \frac{2}{n}\Big), \quad"
        r" \mathcal{U}\Big(-\sqrt{\tfrac{6}{n}}, \sqrt{\tfrac{6}{n}}\Big)",
        (
            f"{INITIALIZERS}.he_normal",
            f"{INITIALIZERS}.he_uniform",
            f"{INITIALIZERS}.variance_scaling",
            "jaxmlp.nn.moments.he_for",
        ),
        "The fan in keeps the variance of the forward pass, the fan out that of the backward pass.",
    ),
    Row(
        "A7",
        "How variance spreads through ReLU layers",
        ("Variance Propagation (Forward Pass)", "He (Kaiming) Initialization"),
        r"\mathrm{Var}(z') = n_{\text{in}} \mathrm{Var}(W) \, \mathrm{E}[a^2],"
        r" \quad \mathrm{E}[\mathrm{ReLU}(z)^2] = \tfrac{1}{2} \mathrm{Var}(z)",
        (
            f"{INITIALIZERS}.he_normal",
            f"{INITIALIZERS}.fans",
            "jaxmlp.nn.moments.he_for",
        ),
        "ReLU halves the variance; weights of variance 2/fan_in restore it.",
    ),
    Row(
        "A8",
        "He against plain normal initialization",
        ("Effect of He vs Random initialization", "Why Do We Care About Initialization?"),
        r"W \sim \mathcal{N}\Big(0, \frac{2}{n_{\text{in}}}\Big) \quad \text{or} \quad"
        r" W \sim \mathcal{N}(0, \sigma^2)",
        (f"{INITIALIZERS}.he_normal", f"{INITIALIZERS}.normal"),
        "He keeps the activations after every ReLU layer alike; a fixed deviation does not.",
    ),
    Row(
        "A9",
        "784-128-10 on MNIST, and its checklist",
        ("Applying He Init to a Simple MNIST MLP", "MNIST Checklist (ReLU MLP/CNN)"),
        r"\sigma_1 = \sqrt{2/784}, \quad \sigma_2 = \sqrt{2/128}, \quad b = 0",
        ("jaxmlp.nn.models.mlp",),
        "Set up by the checklist, the loss neither blows up nor stalls at the start.",
    ),
    Row(
        "A10",
        "He's rule for activations like ReLU",
        ("Why Do We Care About Initialization?", "Improving Weight Initialization"),
        r"\mathrm{Var}(W) = \frac{g^2}{n_{\text{in}}}, \quad g^2 = \frac{1}{\mathrm{E}[f(z)^2]}",
        (
            "jaxmlp.nn.moments.gain_of",
            "jaxmlp.nn.moments.he_for",
            "jaxmlp.nn.initializers.he_normal",
        ),
        "He's rule is made for ReLU, leaky ReLU, ELU and GELU.",
    ),
    Row(
        "A11",
        "Population and sample variance",
        ("What is Variance?",),
        r"s^2 = \frac{1}{n - 1} \sum_i (x_i - \bar{x})^2, \quad \mathrm{E}[s^2] = \mathrm{Var}(X)",
        (
            "experiments.statistics.spread",
            "jaxmlp.nn.moments.population_variance",
            "jaxmlp.nn.moments.sample_variance",
        ),
        "The estimate is unbiased if it divides by n - 1.",
    ),
)
