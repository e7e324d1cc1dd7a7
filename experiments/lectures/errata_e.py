"""The errata of deck E."""

from experiments.lectures.records import Erratum, Slip

ERRATA = (
    Erratum(
        7,
        "Min-max scaling",
        ("E7",),
        "Normalizing Input",
        "Dividing by the maximum gives [0, 1] only if the minimum is 0, as it is for pixels.",
        (
            Slip(
                r"\frac{x}{\max x}",
                r"\frac{x - \min x}{\max x - \min x}",
                "the column 50, 75, 100: its smallest entry",
                ("0.5", "0.0"),
            ),
        ),
        "condition",
    ),
    Erratum(
        12,
        "Local minima",
        ("E10",),
        "Optimization; Mini-Batch Gradient Descent: Definition, Advantages, and Disadvantages",
        "That mini-batches avoid local minima, and that single examples get stuck in them, is said"
        " and not shown. Where all examples agree there is no noise, and every size of batch ends"
        " in the same minimum.",
        (
            Slip(
                r"w_T \approx \text{arg min}_w L(w)",
                r"w_T \approx \text{the nearest minimum}",
                "each example's loss is w^4 - 2 w^2 + w/2: 1,000 steps of 0.01 from w = 1",
                ("-1.06", "0.93"),
            ),
        ),
        "claim",
    ),
    Erratum(
        23,
        "Formulas and words of deck E",
        ("E4", "E6", "E9"),
        "Finding dL/dW2; Finding dL/dW1; Recap: dL/dW3; Solution to Vanishing and Exploding"
        " Gradients; Vocabulary of Neural Network: Activation Functions",
        "The formulas of the gradients hold for single numbers; as matrices they lack transposes"
        " and an elementwise product. The recap has y where its own first form has the prediction."
        " Weights near 1 contradict the line below, which scales them by a root of 1/n. And step"
        " and ReLU stand among activations that are called differentiable.",
        (
            Slip(
                r"(a_3 - y) \cdot w_3 \cdot g'(z_2) \cdot a_1",
                r"\big( W_3^T (a_3 - y) \odot g'(z_2) \big) a_1^T",
                "5-4-3-1, the gradient of the second kernel",
                ("shapes do not fit", "3 x 4"),
            ),
            Slip(
                r"(a_3 - y) \cdot w_3 \cdot g'(z_2) \cdot w_2 \cdot g'(z_1) \cdot x",
                r"\big( W_2^T \delta_2 \odot g'(z_1) \big) x^T",
                "5-4-3-1, the gradient of the first kernel",
                ("shapes do not fit", "4 x 5"),
            ),
            Slip(
                r"y (1 - \hat{y}) a_2",
                r"\hat{y} (1 - \hat{y}) a_2",
                "y = 0, prediction 0.9, a_2 = 1",
                ("0.00", "0.09"),
            ),
            Slip(
                r"W \sim 1",
                r"W \sim \mathcal{N}(0, 1/n)",
                "n Var(W), by which a layer of 784 inputs multiplies the variance",
                ("784", "1"),
            ),
            Slip(
                r"\mathrm{ReLU}'(0^-) = \mathrm{ReLU}'(0^+)",
                r"\mathrm{ReLU}'(0^-) \ne \mathrm{ReLU}'(0^+)",
                "the slope right of 0 minus the slope left of it",
                ("0", "1"),
            ),
        ),
    ),
    Erratum(
        30,
        "One letter for two sizes",
        ("E6",),
        "Defining Propagation Equations",
        "n counts the examples of X and the entries of b. A bias has an entry for each unit of its"
        " layer.",
        (
            Slip(
                r"X = [n \times f], \; b = [n \times 1]",
                r"X = [n \times f], \; b_l = [n_l \times 1]",
                "7 examples, 5 features, 4 units: entries of the first bias",
                ("7", "4"),
            ),
        ),
    ),
)
