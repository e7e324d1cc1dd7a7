"""The errata of deck C."""

from experiments.lectures.records import Erratum, Slip

ERRATA = (
    Erratum(
        4,
        "Algorithm 1 ends too early",
        ("C3",),
        "Back-Propagation",
        "Its backward loop runs down to layer 2, so the first layer gets no gradient. The formulas"
        " before it run down to layer 1.",
        (
            Slip(
                r"k = K, \dots, 2",
                r"k = K, \dots, 1",
                "arrays of gradients that a network of three layers gets",
                ("4", "6"),
            ),
        ),
    ),
    Erratum(
        5,
        "Minus signs of the cross-entropy loss",
        ("C10",),
        "The Cross Entropy Loss",
        "The two cases on the right of the last formula lack the minus that its middle has. Without"
        " it the loss rewards mistakes.",
        (
            Slip(
                r"H(y, p) = \log p \quad (y = 1)",
                r"H(y, p) = -\log p \quad (y = 1)",
                "p = 1/4, in bits",
                ("-2", "2"),
            ),
        ),
    ),
    Erratum(
        6,
        "The slope of ReLU at 0",
        ("C9", "B10"),
        "Appendix: The Jacobians for Back-Propagation",
        "Every number from 0 to 1 is a subgradient at 0. The deck takes 1, JAX takes 0; ours is"
        " JAX's.",
        (Slip(r"h'(0) = 1", r"h'(0) = 0", "the slope at 0", ("1", "0")),),
        "choice",
    ),
    Erratum(
        20,
        "A dropped node is not silent",
        ("C8",),
        "Dropout",
        "The deck drops a node by setting its weights and its bias to 0. This silences a ReLU or"
        " tanh unit; a sigmoid unit then puts out 1/2. It is the output that must become 0.",
        (
            Slip(
                r"\sigma(0^T x + 0)",
                r"0 \cdot \sigma(w^T x + b)",
                "the output of a dropped sigmoid unit",
                ("0.5", "0.0"),
            ),
        ),
        "condition",
    ),
    Erratum(
        21,
        "Convexity of the risk",
        ("C2", "C11"),
        "The Two-Class Cross-Entropy Loss",
        "The section promises a proof that the risk is convex, and none follows. The loss is convex"
        " in the logits, so the risk of logistic regression is convex. That of a network is not.",
        (
            Slip(
                r"\nabla^2 L_T(w) \succeq 0",
                r"\nabla^2 L_T(w) \not\succeq 0",
                "p = sigmoid(v tanh(w x)) at v = w = 0, x = y = 1: the smallest eigenvalue",
                ("0 or more", "-0.50"),
            ),
        ),
        "condition",
    ),
    Erratum(
        31,
        "Whose information it is",
        ("C10",),
        "Entropy",
        "The deck calls -log2 q the information of a bit that is 1 with probability q. It is that"
        " of the outcome 1 alone; the bit conveys the mean over both outcomes, which is the"
        " entropy.",
        (
            Slip(
                r"-\log_2 q",
                r"-q \log_2 q - (1 - q) \log_2 (1 - q)",
                "q = 1/4, in bits",
                ("2.000", "0.811"),
            ),
        ),
    ),
)
