"""The rows of deck D."""

from experiments.lectures.records import Row

ADAPTIVE = "jaxmlp.optim.adaptive"
INITIALIZERS = "jaxmlp.nn.initializers"
LOSSES = "jaxmlp.nn.losses"

ROWS = (
    Row(
        "D1",
        "One neuron: AND and OR, not XOR",
        (
            "Motivation",
            "From biological neuron to artificial neuron",
            "What can a single neuron do?",
        ),
        r"f(x_1, x_2) = [w_1 x_1 + w_2 x_2 + b \ge 0]",
        (
            "jaxmlp.nn.logic.and_gate",
            "jaxmlp.nn.logic.or_gate",
            "jaxmlp.nn.activations.step",
            "jaxmlp.data.toys.load_gate",
        ),
        "One neuron computes AND and OR, and no neuron computes XOR.",
    ),
    Row(
        "D2",
        "Three neurons: XOR",
        ("From a single neuron to a neural network",),
        r"\text{XOR} = [-\text{AND} + \text{OR} - \tfrac{1}{2} \ge 0]",
        ("jaxmlp.nn.logic.xor_network",),
        "The given weights compute XOR.",
    ),
    Row(
        "D3",
        "The multi-layer perceptron",
        ("From a single neuron to a neural network", "Neural network definition"),
        r"\tilde{h}^{(l)} = W^{(l)} h^{(l-1)} + b^{(l)}, \quad h^{(l)} = \sigma(\tilde{h}^{(l)})",
        (
            "jaxmlp.nn.models.mlp",
            "jaxmlp.nn.layers.dense",
            "jaxmlp.nn.layers.activation",
            "jaxmlp.nn.activations.Activation",
        ),
    ),
    Row(
        "D4",
        "Linear activations collapse",
        ("Activation function",),
        r"f(x) = W^{(L)} \cdots W^{(2)} W^{(1)} x = W x",
        ("jaxmlp.nn.layers.sequential", "jaxmlp.nn.activations.identity"),
        "A network of linear layers is one linear map.",
    ),
    Row(
        "D5",
        "Universal approximation; depth against width",
        ("Universal Approximation Theorem",),
        r"\lvert \sum_i v_i \, \sigma(w_i x + b_i) - g(x) \rvert < \epsilon",
        ("jaxmlp.data.toys.sawtooth", "experiments.pieces.best_fits"),
        "One wide layer approximates any continuous function; depth can save exponentially many"
        " units.",
    ),
    Row(
        "D6",
        "The losses of the deck",
        ("Loss functions", "Cross-entropy loss", "Derivative of cross-entropy loss"),
        r"\frac{1}{2n} \sum_i (y_i - f_i)^2, \quad -\frac{1}{n} \sum_i \sum_k y_{ik} \log f_{ik}",
        (
            f"{LOSSES}.half_mse",
            f"{LOSSES}.cross_entropy",
            "jaxmlp.nn.probabilities.cross_entropy_slope",
            "jaxmlp.nn.probabilities.binary_cross_entropy_slope",
            "jaxmlp.explain.losses",
            "jaxmlp.explain.sections",
        ),
    ),
    Row(
        "D7",
        "Softmax generalises the sigmoid",
        ("Softmax", "Cross-entropy loss"),
        r"\mathrm{softmax}(o_1, o_2) = (\sigma(o_1 - o_2), 1 - \sigma(o_1 - o_2))",
        (
            "jaxmlp.training.tasks.task_for",
            "jaxmlp.nn.softmax.softmax",
        ),
        "For two classes softmax is a sigmoid of the difference.",
    ),
    Row(
        "D8",
        "Backpropagation with delta",
        ("Backpropagation",),
        r"\delta^{(l)} = \delta^{(l+1)} W^{(l+1)} \sigma'(\tilde{h}^{(l)}), \quad"
        r" \frac{\partial \ell}{\partial W^{(l)}} = (\delta^{(l)})^T (h^{(l-1)})^T",
        (
            "jaxmlp.nn.layers.sequential",
            "jaxmlp.nn.backprop.value_and_grad",
            "jaxmlp.nn.gradients.algorithm_1",
            "jaxmlp.explain.sections.explain_network",
            "jaxmlp.explain.__main__",
            "jaxmlp.nn.binary_network.delta_below",
        ),
    ),
    Row(
        "D9",
        "Zeros, ones, uniform, Gaussian and Kaiming initialization",
        ("Initialization", "Kaiming Initialization"),
        r"W_{ij} \sim \mathcal{U}[-a, a], \; \mathcal{N}(\mu, \sigma^2), \;"
        r" \mathcal{N}\Big(0, \frac{2}{m_{l-1}}\Big)",
        (
            f"{INITIALIZERS}.zeros",
            f"{INITIALIZERS}.ones",
            f"{INITIALIZERS}.constant",
            f"{INITIALIZERS}.uniform",
            f"{INITIALIZERS}.normal",
            f"{INITIALIZERS}.he_normal",
            "jaxmlp.diagnose.rules.equal_units",
        ),
        "Zeros give no gradient; ones keep all units of a layer equal; random weights do better.",
    ),
    Row(
        "D10",
        "AdaGrad, RMSProp and Adam",
        ("Adaptive learning rate (gradient) algorithms",),
        r"w_i \leftarrow w_i - \frac{\eta}{\sqrt{\hat{g}_i + \epsilon}} \, \hat{m}_i",
        (
            f"{ADAPTIVE}.adagrad",
            f"{ADAPTIVE}.rmsprop",
            f"{ADAPTIVE}.adam",
            "jaxmlp.explain.updates",
        ),
        "Rates of their own for each weight speed up descent along flat directions.",
    ),
    Row(
        "D11",
        "Broadcasting",
        ("Demo of dimension broadcasting in python",),
        r"z_{nk} = s_{nk} + b_k \; \Rightarrow \;"
        r" \frac{\partial L}{\partial b_k} = \sum_n \frac{\partial L}{\partial z_{nk}}",
        ("jaxmlp.nn.binary_network.db", "jaxmlp.explain.batch"),
    ),
    Row(
        "D12",
        "Steep and flat eigen-directions",
        ("Adaptive learning rate (gradient) algorithms",),
        r"\nabla L = \sum_i \lambda_i c_i u_i, \quad"
        r" s_i = \frac{(\lambda_i c_i)^2}{\sum_j (\lambda_j c_j)^2}",
        ("jaxmlp.nn.curvature.gradient_shares",),
        "Gradients lie mostly along steep eigen-directions.",
    ),
    Row(
        "D13",
        "Why not sigmoids; cross-entropy as maximum likelihood",
        ("One-hot encoding", "Cross-entropy loss"),
        r"\sum_k \sigma(z_k) \ne 1, \quad"
        r" L = -\frac{1}{n} \log \prod_i p(y_i \mid x_i)",
        (
            "jaxmlp.nn.probabilities.cross_entropy",
            "jaxmlp.nn.probabilities.likelihood",
        ),
        "Sigmoid outputs do not sum to one; the cross-entropy is the negative log-likelihood.",
    ),
)
