"""The rows of deck E."""

from experiments.lectures.records import Row

ACTIVATIONS = "jaxmlp.nn.activations"
INITIALIZERS = "jaxmlp.nn.initializers"
LOSSES = "jaxmlp.nn.losses"
TRAINING = "jaxmlp.training"

ROWS = (
    Row(
        "E1",
        "The perceptron",
        (
            "The Perceptron: Supervised Binary Classifier",
            "The Perceptron Algorithm: Training Idea",
        ),
        r"\theta_j \leftarrow \theta_j + \alpha (y - h_\theta(x)) x_j",
        (f"{LOSSES}.perceptron", f"{ACTIVATIONS}.step"),
        "Its rule converges where a line separates the classes.",
    ),
    Row(
        "E2",
        "Perceptron against logistic regression",
        ("The Perceptron Algorithm: Difference w.r.t LR",),
        r"h_\theta(x) = [\theta^T x \ge 0] \quad \text{against} \quad \sigma(\theta^T x)",
        (f"{LOSSES}.perceptron",),
        "The perceptron gives no probability and has no gradient.",
    ),
    Row(
        "E3",
        "Several independent outputs, and their parameters",
        ("The Perceptron Algorithm", "Multiclass Logistic Regression & Neural Network"),
        r"3 \cdot (3072 + 1) = 9219, \quad a_k = \sigma(z_k)",
        (
            f"{LOSSES}.binary_cross_entropy",
            f"{TRAINING}.tasks.MULTILABEL",
            f"{TRAINING}.trees.count",
            "jaxmlp.data.arrays.target_from_numbers",
            "jaxmlp.data.tables.dataset_from_table",
            "jaxmlp.data.convert_task.with_task",
            "jaxmlp.nn.summary.summary",
            "jaxmlp.explain.__main__",
        ),
        "Independent sigmoids can name cat and dog at once.",
    ),
    Row(
        "E4",
        "Step, softplus and the other activations",
        ("Vocabulary of Neural Network", "Vocabulary of Neural Network: Activation Functions"),
        r"[z \ge 0], \quad \log(1 + e^z), \quad \tanh z, \quad \sigma(z)",
        (
            f"{ACTIVATIONS}.step",
            f"{ACTIVATIONS}.softplus",
            f"{ACTIVATIONS}.sigmoid",
            f"{ACTIVATIONS}.tanh",
            "jaxmlp.nn.layers.activation",
            "jaxmlp.nn.activations.leaky_relu_of",
        ),
    ),
    Row(
        "E5",
        "The output activation follows from the task",
        ("Activation Function Selection",),
        r"y_k = a_k, \quad y_k = \sigma(a_k), \quad y_k = \frac{e^{a_k}}{\sum_j e^{a_j}}",
        (
            f"{TRAINING}.tasks.Task",
            f"{ACTIVATIONS}.identity",
            "jaxmlp.data.dataset.Dataset",
            "jaxmlp.data.dataset.classification_task",
            "jaxmlp.data.arrays.Target",
            "jaxmlp.data.arrays.are_labels",
            "jaxmlp.data.arrays.target_from_codes",
            "jaxmlp.data.arrays.target_from_numbers",
            "jaxmlp.data.arrays.target_from_array",
            "jaxmlp.data.tables.dataset_from_table",
            "jaxmlp.data.convert_task.with_task",
        ),
    ),
    Row(
        "E6",
        "A binary network of three layers, and its gradients",
        (
            "Perceptron vs Multilayer Perceptron (MLP)",
            "Notations and Forward Pass",
            "Task: How to Train this MLP Network",
            "Steps: How to Train this MLP Network",
            "Defining Propagation Equations",
            "The Forward Pass",
            "Defining the Loss",
            "How to Train this MLP Network?",
            "dL/dW3",
            "dL/db3",
            "Finding dL/dW2",
            "Recap: dL/dW3",
            "Finding dL/dW1",
        ),
        r"\frac{\partial L}{\partial W_3} = (a_3 - y) a_2^T, \quad"
        r" \frac{\partial L}{\partial W_2} = \big( W_3^T (a_3 - y) \odot g'(z_2) \big) a_1^T",
        (
            "jaxmlp.nn.models.mlp",
            "jaxmlp.nn.layers.dense",
            f"{LOSSES}.binary_cross_entropy",
            "jaxmlp.nn.backprop.value_and_grad",
            "jaxmlp.explain.sections.explain_network",
            "jaxmlp.explain.__main__",
        ),
    ),
    Row(
        "E7",
        "Z-score and min-max normalisation",
        ("Improving the Neural Network", "Normalizing Input"),
        r"\frac{x - \mu}{\sigma}, \quad \frac{x - \min x}{\max x - \min x}",
        ("jaxmlp.data.preprocessing.Preprocessing",),
        "Normalised inputs make training faster and the network more accurate.",
    ),
    Row(
        "E8",
        "Vanishing and exploding gradients",
        (
            "Recap: The Forward Pass",
            "Vanishing and Exploding Gradient",
            "Vanishing Gradient",
            "Exploding Gradient",
        ),
        r"\hat{y} = (0.5 I)^L x \to 0, \quad \hat{y} = (1.5 I)^L x \to \infty",
        ("jaxmlp.nn.layers.sequential",),
        "Weights a little below or above the identity make signals vanish or explode with depth.",
    ),
    Row(
        "E9",
        "Initialization with 1/n and 2/n",
        ("Solution to Vanishing and Exploding Gradients",),
        r"W \sim \mathcal{N}\Big(0, \frac{1}{n}\Big) \text{ (sigmoid)}, \quad"
        r" \mathcal{N}\Big(0, \frac{2}{n}\Big) \text{ (ReLU)}",
        (f"{INITIALIZERS}.lecun_normal", f"{INITIALIZERS}.he_normal"),
        "These variances prevent vanishing and exploding gradients.",
    ),
    Row(
        "E10",
        "Batch, stochastic and mini-batch descent",
        (
            "Optimization",
            "Optimization: Limitations",
            "Mini-Batch Gradient Descent: Definition, Advantages, and Disadvantages",
        ),
        r"w \leftarrow w - \frac{\alpha}{B} \sum_{n \in \mathcal{B}} \nabla \ell_n(w)",
        (
            "jaxmlp.optim.descent.sgd",
            f"{TRAINING}.orders.order_of",
            f"{TRAINING}.loop.fit",
        ),
        "Mini-batches trade the cost of a batch against the noise of single examples, and avoid"
        " local minima.",
    ),
    Row(
        "E11",
        "Digits of MNIST",
        ("Colab Demo: MLP", "Task: Digit Classification on the MNIST Dataset"),
        r"\hat{y} = \text{arg max}_k a_k(x)",
        (
            "jaxmlp.data.mnist.load_idx_set",
            "jaxmlp.data.idx.load_idx_folder",
            "jaxmlp.data.embedded.load_mnist_5k",
        ),
        "A multi-layer perceptron reads handwritten digits.",
    ),
    Row(
        "E12",
        "The order of the updates",
        ("Gradient Descent", "Gradient Descent and Backpropagation"),
        r"W_i \leftarrow W_i - \alpha \frac{\partial L}{\partial W_i} \quad (i = 3, 2, 1)",
        ("jaxmlp.training.step.make_step",),
        "The weights are updated from the last layer to the first.",
    ),
    Row(
        "E13",
        "A target that is not negative",
        ("Activation Functions: Examples", "Activation Function Selection"),
        r"\hat{y} = z \quad \text{or} \quad \hat{y} = \max(0, z)",
        (),
        "The age of an animal wants an identity or ReLU output; a sigmoid is no choice.",
    ),
    Row(
        "E14",
        "Parameter counts of multi-layer perceptrons",
        ("Multilayer Perceptron",),
        r"\sum_l (n_{l-1} + 1) n_l = (3072 + 1) \cdot 2 + (2 + 1) \cdot 1 = 6149",
        (
            f"{TRAINING}.trees.count",
            "jaxmlp.nn.summary.summary",
            "jaxmlp.explain.__main__",
        ),
    ),
)
