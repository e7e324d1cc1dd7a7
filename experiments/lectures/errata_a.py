"""The errata of deck A."""

from experiments.lectures.records import Erratum, Slip

ERRATA = (
    Erratum(
        8,
        "The gradient of squared error on softmax outputs",
        ("A3",),
        "A Possible Loss: Mean Squared Error (MSE)",
        "The slide says that the gradient includes the factor a(1 - a), which is true. Whoever"
        " takes it for all of the softmax misses the terms off the diagonal of its Jacobian.",
        (
            Slip(
                r"2 (a_i - y_i) \, a_i (1 - a_i)",
                r"2 a_i \Big( a_i - y_i - \sum_j a_j (a_j - y_j) \Big)",
                "logits (2, 0), the second class is right: slope by the first logit",
                ("0.185", "0.370"),
            ),
        ),
        "reading",
    ),
    Erratum(
        9,
        "An epsilon inside the logarithm",
        ("A5",),
        "Implementation: Forward Pass (NumPy)",
        "It prevents the logarithm of zero, but it caps the loss at 20.7 and bends the gradient to"
        " 0 where the network is most wrong. From logits no epsilon is needed.",
        (
            Slip(
                r"-\log(a_c + 10^{-9})",
                r"-z_c + \log \sum_j e^{z_j}",
                "logits (50, 0), the second class is right: the loss",
                ("20.7", "50.0"),
            ),
            Slip(
                r"\frac{a_c}{a_c + 10^{-9}} (a_j - y_j)",
                r"a_j - y_j",
                "the same: slope by the first logit",
                ("0.000", "1.000"),
            ),
        ),
        "condition",
    ),
    Erratum(
        14,
        "The variance behind ReLU",
        ("A7", "A6"),
        "Variance Propagation (Forward Pass)",
        "ReLU halves the second moment, not the variance. And the next layer multiplies the second"
        " moment, since its inputs have a mean that is not 0. The two slips cancel, and 2/fan_in is"
        " right. Deck D derives it without them.",
        (
            Slip(
                r"\mathrm{Var}(\mathrm{ReLU}(z)) \approx \tfrac{1}{2} \mathrm{Var}(z)",
                r"\mathrm{Var}(\mathrm{ReLU}(z)) ="
                r" \tfrac{1}{2} (1 - \tfrac{1}{\pi}) \mathrm{Var}(z)",
                "normal z of variance 1: the variance behind ReLU",
                ("0.50", "0.34"),
            ),
            Slip(
                r"\mathrm{Var}(z') = n \, \mathrm{Var}(W) \mathrm{Var}(a)",
                r"\mathrm{Var}(z') = n \, \mathrm{Var}(W) \mathrm{E}[a^2]",
                "n Var(W) that keeps the variance, with 0.34 and each form",
                ("2.93", "2.00"),
            ),
        ),
    ),
    Erratum(
        24,
        "A minus that is missing",
        ("A4",),
        "Implementation: Backward Pass (NumPy); Summary",
        "The text of two slides has the product of a and y where the difference belongs. The slide"
        " before them has the difference. The summary also leaves out the mean's 1/N.",
        (
            Slip(
                r"\frac{1}{N} (a_i y_i)",
                r"\frac{1}{N} (a_i - y_i)",
                "a = 0.9, y = 1, N = 1",
                ("0.9", "-0.1"),
            ),
        ),
        "as extracted",
    ),
    Erratum(
        25,
        "Cross-entropy is no distance",
        ("A4",),
        "Summary",
        "A distance is symmetric and 0 between equal things. Cross-entropy is neither; deck C says"
        " so. What it exceeds the entropy by, the divergence, is 0 between equal distributions.",
        (
            Slip(
                r"d(q, q) = 0",
                r"H(q, q) = H(q)",
                "q = (1/2, 1/2) and itself, in nats",
                ("0.000", "0.693"),
            ),
            Slip(
                r"d(q, p) = d(p, q)",
                r"H(q, p) \ne H(p, q)",
                "q = (1/2, 1/2), p = (9/10, 1/10): the second minus the first",
                ("0.000", "-0.511"),
            ),
        ),
    ),
    Erratum(
        26,
        "One gain for all activations like ReLU",
        ("A10",),
        "Why Do We Care About Initialization?",
        "2/fan_in is exact for ReLU. For others the factor is the reciprocal of the second moment"
        " behind the activation; it is near 2 for leaky ReLU, and not for ELU and GELU.",
        (
            Slip(
                r"n \, \mathrm{Var}(W) = 2",
                r"n \, \mathrm{Var}(W) = \frac{1}{\mathrm{E}[\mathrm{GELU}(z)^2]}",
                "GELU",
                ("2.00", "2.35"),
            ),
            Slip(
                r"n \, \mathrm{Var}(W) = 2",
                r"n \, \mathrm{Var}(W) = \frac{1}{\mathrm{E}[\mathrm{ELU}(z)^2]}",
                "ELU with alpha = 1",
                ("2.00", "1.55"),
            ),
            Slip(
                r"n \, \mathrm{Var}(W) = 2",
                r"n \, \mathrm{Var}(W) = \frac{2}{1 + \alpha^2}",
                "leaky ReLU with alpha = 0.01",
                ("2.0000", "1.9998"),
            ),
        ),
        "condition",
    ),
    Erratum(
        32,
        "Three squared errors",
        ("A3", "B9", "D6"),
        "A Possible Loss: Mean Squared Error (MSE); Mean Squared Error (MSE); Loss functions",
        "Deck A sums over the classes under the name of a mean, deck B takes the mean over the"
        " examples, deck D halves it. A learning rate that suits one is twice too large or small"
        " for the other.",
        (
            Slip(
                r"\frac{1}{2n} \sum_i (y_i - f_i)^2 \text{ (D)}",
                r"\frac{1}{N} \sum_i (y_i - \hat{y}_i)^2 \text{ (B)}",
                "errors 2 and 4",
                ("5", "10"),
            ),
        ),
        "choice",
    ),
)
