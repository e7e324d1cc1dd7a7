"""The errata of deck D."""

from experiments.lectures.records import Erratum, Slip

ERRATA = (
    Erratum(
        2,
        "Signs and a term of the losses",
        ("D6", "D7"),
        "Loss functions; Cross-entropy loss",
        "The logistic loss lacks its minus. The cross-entropy for two classes has log f where"
        " log(1 - f) belongs, so it does not see a sure mistake on class 0.",
        (
            Slip(
                r"y \log f + (1 - y) \log(1 - f)",
                r"-y \log f - (1 - y) \log(1 - f)",
                "f = 0.9, y = 1",
                ("-0.105", "0.105"),
            ),
            Slip(
                r"-y \log f - (1 - y) \log f",
                r"-y \log f - (1 - y) \log(1 - f)",
                "f = 0.9, y = 0",
                ("0.105", "2.303"),
            ),
        ),
    ),
    Erratum(
        3,
        "The slope of the cross-entropy",
        ("D6", "D8"),
        "Derivative of cross-entropy loss",
        "For two classes it is the slope of the loss as printed, without its minus: the slip of"
        " erratum 2 again. For many classes, whose loss has its sign, it is a slip of its own. The"
        " slides on backpropagation use f - y.",
        (
            Slip(
                r"\frac{d\ell}{d\tilde{f}} = y - f",
                r"\frac{d\ell}{d\tilde{f}} = f - y",
                "two classes, f = 0.9, y = 0",
                ("-0.9", "0.9"),
            ),
            Slip(
                r"\frac{d\ell}{d\tilde{f}} = y - f",
                r"\frac{d\ell}{d\tilde{f}} = f - y",
                "logits (2, 0, 0), the first class is right: first entry",
                ("0.213", "-0.213"),
            ),
        ),
    ),
    Erratum(
        10,
        "Where epsilon stands",
        ("D10",),
        "Adaptive learning rate (gradient) algorithms",
        "The deck adds epsilon inside the root in all three rules; the paper on Adam adds it"
        " outside. The two differ where gradients are tiny. And Optax's AdaGrad starts its sum of"
        " squares at 0.1, not at 0, which shortens the first steps.",
        (
            Slip(
                r"\frac{\eta}{\sqrt{\hat{g} + \epsilon}} \hat{m}",
                r"\frac{\eta}{\sqrt{\hat{g}} + \epsilon} \hat{m}",
                "Adam's first step, gradient and epsilon 1e-8, rate 1",
                ("0.0001", "0.5000"),
            ),
            Slip(
                r"g^{(0)} = 0",
                r"g^{(0)} = 0.1 \text{ (Optax)}",
                "AdaGrad's first step, gradient 0.1, rate 1",
                ("1.00", "0.30"),
            ),
        ),
        "choice",
    ),
    Erratum(
        11,
        "Which activations approximate",
        ("D5",),
        "Universal Approximation Theorem",
        "Continuous, bounded and non-constant is the condition of Hornik 1991. The reference that"
        " the slide gives (Hornik, Stinchcombe and White 1989) treats squashing functions. The"
        " condition leaves out ReLU, which is not bounded; Leshno et al. 1993 cover it: not a"
        " polynomial is enough. And the domain is a part of R^d, not an element.",
        (
            Slip(
                r"\sigma \text{ bounded}",
                r"\sigma \text{ not a polynomial}",
                "greatest error of 64 ReLU units on a sine over one period",
                ("no bound", "0.0012"),
            ),
        ),
        "condition",
    ),
    Erratum(
        13,
        "From zeros, all gradients are zero",
        ("D9",),
        "Initialization",
        "All but one: the bias of the output gets its delta, unless the classes of the batch are"
        " balanced, so the network learns how frequent the classes are. With sigmoid units the last"
        " kernel moves too, for all units alike.",
        (
            Slip(
                r"\frac{\partial L}{\partial b^{(L)}} = 0",
                r"\frac{\partial L}{\partial b^{(L)}} = f - y",
                "labels 0, 0, 1, 2 of three classes: the length of the gradient",
                ("0.000", "0.204"),
            ),
            Slip(
                r"\frac{\partial L}{\partial W^{(L)}} = 0",
                r"\frac{\partial L}{\partial W^{(L)}} = (f - y) \, h^T",
                "the same with 8 sigmoid units",
                ("0.000", "0.289"),
            ),
        ),
    ),
    Erratum(
        22,
        "Indices and signs of deck D",
        ("D1", "D3", "D8", "D10"),
        "Motivation; Neural network definition; Backpropagation; Adaptive learning rate (gradient)"
        " algorithms",
        "The parameters are counted up to L + 1, though layer L is the last. The first chain rule"
        " passes a hidden layer L that does not exist. Where shared factors are pointed out, the"
        " weights of layer l stand for those of l + 1. The optimizers lack a partial sign. And a"
        " brain has 86 billion neurons (Azevedo et al. 2009).",
        (
            Slip(
                r"\lbrace W^{(l)}, b^{(l)} \rbrace_{l=1}^{L+1}",
                r"\lbrace W^{(l)}, b^{(l)} \rbrace_{l=1}^{L}",
                "layers with parameters of 5-4-3-2, where L = 3",
                ("4", "3"),
            ),
            Slip(
                r"\frac{\partial \tilde{f}}{\partial h^{(L)}}",
                r"\frac{\partial \tilde{f}}{\partial h^{(L-1)}}",
                "hidden layers of 5-4-3-2 that the chain passes",
                ("3", "2"),
            ),
            Slip(
                r"\cdots W^{(l)} \sigma'(\tilde{h}^{(l)})",
                r"\cdots W^{(l+1)} \sigma'(\tilde{h}^{(l)})",
                "5-4-3-2, the gradient of the first kernel",
                ("shapes do not fit", "4 x 5"),
            ),
            Slip(
                r"\frac{\partial L}{w_i}",
                r"\frac{\partial L}{\partial w_i}",
                "L = w^2 at w = 3, read as L over w",
                ("3", "6"),
            ),
            Slip(
                r"10 \cdot 10^9", r"86 \cdot 10^9", "neurons of a brain, in billions", ("10", "86")
            ),
        ),
    ),
    Erratum(
        29,
        "The first delta is a row",
        ("D8",),
        "Backpropagation",
        "All deltas of the procedure are rows, so that they multiply a kernel from the left. The"
        " first is given as a column.",
        (
            Slip(
                r"\delta^{(L)} = f(x) - y",
                r"\delta^{(L)} = (f(x) - y)^T",
                "two outputs, three hidden units: the next delta",
                ("shapes do not fit", "1 x 3"),
            ),
        ),
    ),
)
