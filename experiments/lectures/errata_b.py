"""The errata of deck B."""

from experiments.lectures.records import Erratum, Slip

ERRATA = (
    Erratum(
        1,
        "Xavier's bound",
        ("B8",),
        "Xavier Initialization",
        "A uniform distribution on (-r, r) has the variance r^2/3. With the printed bound it is a"
        " third of what the condition demands. The condition itself has 1/n where n belongs in the"
        " extracted text; the slide on He's rule has n.",
        (
            Slip(
                r"\mathcal{U} \big( -\sqrt{1/n}, \sqrt{1/n} \big)",
                r"\mathcal{U} \big( -\sqrt{3/n}, \sqrt{3/n} \big)",
                "n times the variance of 256 x 256 weights",
                ("0.33", "1.00"),
            ),
            Slip(
                r"\frac{1}{n} \mathrm{Var}(w) = 1 \text{ (as extracted)}",
                r"n \mathrm{Var}(w) = 1",
                "the variance for n = 256",
                ("256.0000", "0.0039"),
            ),
        ),
    ),
    Erratum(
        15,
        "The derivative of PReLU",
        ("B10",),
        "Variants of ReLU: PReLU (Parametric ReLU)",
        "The text has alpha where a belongs, and no factor alpha for negative z. Alpha and a cannot"
        " be told apart in it, so no mistake of the slide can be claimed.",
        (
            Slip(
                r"\frac{\partial L}{\partial z} = \frac{\partial L}{\partial a} \quad (z < 0)",
                r"\frac{\partial L}{\partial z} ="
                r" \alpha \frac{\partial L}{\partial a} \quad (z < 0)",
                "alpha = 1/4, dL/da = 1, z = -1",
                ("1.00", "0.25"),
            ),
        ),
        "as extracted",
    ),
    Erratum(
        16,
        "PReLU as a maximum",
        ("B10",),
        "Variants of ReLU: PReLU (Parametric ReLU)",
        "The maximum is right for leaky ReLU, whose alpha is 0.01. PReLU learns alpha, and once it"
        " is above 1 the maximum takes the wrong branch on both sides of 0.",
        (
            Slip(
                r"\max(\alpha z, z)",
                r"z \text{ if } z > 0 \text{ else } \alpha z",
                "alpha = 2, z = -1",
                ("-1", "-2"),
            ),
        ),
        "condition",
    ),
    Erratum(
        17,
        "Last digits",
        ("B9", "B10"),
        "Example Calculation (3-Class); Sigmoid; Example: Softmax Probabilities",
        "Terms are rounded before they are added, and one number is cut instead of rounded.",
        (
            Slip(
                r"\tfrac{1}{3} \times 2.072",
                r"-\tfrac{1}{3} (\log 0.7 + \log 0.6 + \log 0.3)",
                "categorical cross-entropy",
                ("0.691", "0.690"),
            ),
            Slip(r"\sigma(5.7)", r"\sigma(5.7)", "sigmoid, cut", ("0.9966", "0.9967")),
            Slip(
                r"4.48 / 7.32",
                r"e^{1.5} / (e^{1.5} + e^{0.8} + e^{-0.5})",
                "softmax, first class",
                ("0.612", "0.613"),
            ),
            Slip(
                r"2.23 / 7.32",
                r"e^{0.8} / (e^{1.5} + e^{0.8} + e^{-0.5})",
                "softmax, second class",
                ("0.305", "0.304"),
            ),
        ),
    ),
    Erratum(
        18,
        "The gradient of the squared error",
        ("B9",),
        "Impact on Model Outputs and Optimization",
        "The loss is quadratic, its gradient is linear.",
        (
            Slip(
                r"\frac{\partial L}{\partial \hat{y}} \propto (\hat{y} - y)^2",
                r"\frac{\partial L}{\partial \hat{y}} = 2 (\hat{y} - y)",
                "slope at an error of 3 over the slope at an error of 1",
                ("9", "3"),
            ),
        ),
    ),
    Erratum(
        19,
        "Shapes and indices",
        ("B7", "B10"),
        "Neural Networks: Why is the Max Operator Important?; Backward Pass in the l th Layer",
        "The product of the two matrices maps D inputs to C outputs. In the forward pass of layer l"
        " the index i is summed over and stands on the left too.",
        (
            Slip(
                r"W_2 W_1 \in \mathbb{R}^{C \times H}",
                r"W_2 W_1 \in \mathbb{R}^{C \times D}",
                "C = 3, H = 5, D = 4",
                ("3 x 5", "3 x 4"),
            ),
            Slip(
                r"z_i = \sum_i w_{ji} a_i",
                r"z_j = \sum_i w_{ji} a_i",
                "w = (1, 2; 3, 4), a = (1, 10)",
                ("not defined", "21, 43"),
            ),
        ),
    ),
    Erratum(
        27,
        "Each step reduces the error",
        ("B1",),
        "Why Gradient Descent?",
        "It does if the rate is below 2 over the largest curvature: 0.111 in the deck's example.",
        (
            Slip(
                r"L(w - \eta \nabla L) < L(w)",
                r"L(w - \eta \nabla L) < L(w) \text{ if } \eta < 2 / \lambda_{\max}",
                "the deck's example with rate 0.2, after one step from an error of 16",
                ("below 16", "108.16"),
            ),
        ),
        "condition",
    ),
    Erratum(
        28,
        "Which slope is steeper",
        ("B11", "B13"),
        "Comparison: Sigmoid vs Tanh",
        "The slide says that the derivative of tanh has the steeper slope at 0. The slope of both"
        " derivatives is 0 there. It is tanh itself that is steeper than sigmoid.",
        (
            Slip(
                r"\tanh''(0) > \sigma''(0)",
                r"\tanh'(0) > \sigma'(0)",
                "the two sides",
                ("0 and 0", "1 and 0.25"),
            ),
        ),
    ),
)
