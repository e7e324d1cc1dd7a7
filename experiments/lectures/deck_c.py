"""The rows of deck C."""

from experiments.lectures.records import Row

GRADIENTS = "jaxmlp.nn.gradients"
LOSSES = "jaxmlp.nn.losses"
TRAINING = "jaxmlp.training"

ROWS = (
    Row(
        "C1",
        "The softmax simplex and its decision regions",
        ("The Soft-Max Simplex",),
        r"P_c = \lbrace p : p_c \ge p_j \text{ for all } j \rbrace",
        (f"{LOSSES}.zero_one",),
        "The decision regions in the simplex are convex.",
    ),
    Row(
        "C2",
        "Quadratic, zero-one and cross-entropy loss",
        ("Loss", "The Two-Class Cross-Entropy Loss", "The Multi-Class Cross-Entropy Loss"),
        r"\ell(y, p) = -\sum_k q_k \log p_k, \quad \ell_{0-1}(y, \hat{y}) = [y \ne \hat{y}]",
        (
            f"{LOSSES}.quadratic",
            f"{LOSSES}.zero_one",
            f"{LOSSES}.binary_cross_entropy",
            f"{LOSSES}.cross_entropy",
            f"{TRAINING}.tasks.MULTICLASS",
        ),
    ),
    Row(
        "C3",
        "Algorithm 1: backpropagation example by example",
        ("Back-Propagation", "Appendix: The Jacobians for Back-Propagation"),
        r"\frac{\partial \ell}{\partial w^{(k)}} ="
        r" \frac{\partial \ell}{\partial x^{(k)}} \frac{\partial x^{(k)}}{\partial w^{(k)}}, \quad"
        r" \bar{g} \leftarrow \frac{(n - 1) \bar{g} + g_n}{n}",
        (
            f"{GRADIENTS}.algorithm_1",
            f"{GRADIENTS}.jacobian_products",
            f"{GRADIENTS}.jacobians",
            "jaxmlp.nn.layers.sequential",
            "jaxmlp.optim.descent.sgd",
            "jaxmlp.explain.batch",
            f"{TRAINING}.step.Totals",
            "jaxmlp.nn.softmax.softmax_jacobian",
            "jaxmlp.nn.softmax.softmax_vjp",
        ),
        "The running mean of the examples' gradients is the gradient of the batch.",
    ),
    Row(
        "C4",
        "Momentum with a schedule",
        ("Stochastic Gradient Descent",),
        r"v_{t+1} = \mu_t v_t - \alpha \nabla L(w_t), \quad w_{t+1} = w_t + v_{t+1}",
        (
            "jaxmlp.optim.descent.momentum",
            "jaxmlp.optim.descent.nesterov",
            "jaxmlp.optim.schedules.sutskever",
            "jaxmlp.explain.updates",
        ),
        "Momentum is faster than plain descent where the gradient is small.",
    ),
    Row(
        "C5",
        "Choosing and dividing the learning rate",
        ("Stochastic Gradient Descent",),
        r"\hat{\alpha} = \text{arg min}_{\alpha} \frac{1}{K} \sum_k L_{V_k}(\alpha), \quad"
        r" \alpha \leftarrow \frac{\alpha}{10}",
        (
            f"{TRAINING}.rules.Rules",
            f"{TRAINING}.history.History",
            f"{TRAINING}.step.TrainState",
            f"{TRAINING}.loop.fit",
            "jaxmlp.find_rate",
            "jaxmlp.optim.schedules.exponential",
            "jaxmlp.data.splits.k_folds",
            "jaxmlp.sweep.cross_validation.cross_validate",
            "jaxmlp.config.folds",
            "jaxmlp.sweep.__main__",
        ),
        "Cross-validation finds the rate; dividing it by 10 helps when progress saturates.",
    ),
    Row(
        "C6",
        "Online, mini-batch and batch learning",
        ("Stochastic Gradient Descent", "Mini-Batches"),
        r"w \leftarrow w - \frac{\alpha}{B} \sum_{n \in \mathcal{B}} \nabla \ell_n(w)",
        (
            f"{TRAINING}.orders.order_of",
            "jaxmlp.explain.batch",
            f"{TRAINING}.step.make_step",
            f"{TRAINING}.loop.fit",
        ),
        "Mini-batches of a few dozen examples are the best compromise.",
    ),
    Row(
        "C7",
        "When to stop",
        ("Stochastic Gradient Descent", "Termination"),
        r"\lVert w_t - w_{t-1} \rVert < \epsilon, \quad"
        r" \lvert L(w_t) - L(w_{t-1}) \rvert < \epsilon, \quad"
        r" \hat{t} = \text{arg min}_t \text{error}_V(w_t)",
        (
            f"{TRAINING}.rules.Rules",
            f"{TRAINING}.history.History",
            f"{TRAINING}.trees.distance",
            f"{TRAINING}.loop.fit",
            "jaxmlp.data.splits.holdout",
            "jaxmlp.diagnose.rules.overfitting",
            "jaxmlp.diagnose.rules.underfitting",
        ),
        "A network that is stopped early generalises better than one that runs on.",
    ),
    Row(
        "C8",
        "Dropout",
        ("Dropout",),
        r"y = m x, \; m \sim \mathrm{Bernoulli}(p); \quad \text{afterwards } y = p x",
        ("jaxmlp.nn.noise.dropout",),
        "It lessens overfitting, and approximates an average of many networks.",
    ),
    Row(
        "C9",
        "Convolution, max-pooling and their Jacobian",
        ("Appendix: The Jacobians for Back-Propagation", "Back-Propagation"),
        r"\frac{\partial x_i}{\partial x_j} = h'(a_{\hat{q}}) W_{\hat{q} j}, \quad"
        r" \hat{q} = \text{arg max}_{q \in P(i)} h(a_q)",
        (
            "jaxmlp.nn.convolution.convolution",
            "jaxmlp.nn.pooling.max_pool",
            f"{GRADIENTS}.jacobians",
            "jaxmlp.nn.lenet.lenet",
            "jaxmlp.nn.activations.relu",
        ),
        "The pooled output passes its gradient to one winner, ties included.",
    ),
    Row(
        "C10",
        "Entropy, cross-entropy and coding",
        (
            "The Cross Entropy Loss and Information Theory",
            "Coding for Efficiency",
            "Entropy",
            "Cross Entropy",
            "The Cross Entropy Loss",
        ),
        r"H(q, p) = -\sum_i q_i \log_2 p_i \ge H(q)",
        (
            "jaxmlp.nn.information.entropy",
            "jaxmlp.nn.information.cross_entropy",
            "jaxmlp.nn.information.kl_divergence",
        ),
        "Huffman's codes come near the entropy as blocks grow; a wrong table costs the difference.",
    ),
    Row(
        "C11",
        "The two-class loss and its convexity",
        ("The Two-Class Cross-Entropy Loss",),
        r"\ell(1, p) = \ell(0, 1 - p), \quad \ell(1, \tfrac{1}{2}) = 1 \text{ bit}",
        (
            "jaxmlp.nn.curvature.smallest_eigenvalue",
            "jaxmlp.nn.probabilities.binary_cross_entropy",
        ),
        "The risk is convex.",
    ),
    Row(
        "C12",
        "Subgradients, or rounded cusps",
        ("Back-Propagation",),
        r"\frac{1}{\beta} \log(1 + e^{\beta z}) \to \max(0, z) \quad (\beta \to \infty)",
        ("jaxmlp.nn.activations.softplus_of",),
        "The cusps of ReLU can be rounded, or left alone.",
    ),
    Row(
        "C13",
        "Line search and second-order steps",
        ("Stochastic Gradient Descent",),
        r"w \leftarrow w - H^{-1} \nabla L, \quad"
        r" \alpha_t = \text{arg min}_{\alpha} L(w_t - \alpha \nabla L)",
        (
            "jaxmlp.nn.curvature.hessian_vector",
            "jaxmlp.nn.curvature.hessian_bytes",
            "jaxmlp.optim.search.backtracking",
            "jaxmlp.optim.search.exact",
            "jaxmlp.optim.search.newton_step",
        ),
        "Both are too expensive for networks, in time and in memory.",
    ),
    Row(
        "C14",
        "Momentum that grows",
        ("Stochastic Gradient Descent",),
        r"\mu_t = \min \big( 1 - 2^{-1 - \log_2(\lfloor t / 250 \rfloor + 1)}, \mu_{\max} \big)",
        ("jaxmlp.optim.schedules.sutskever",),
        "Momentum is worth more late than early.",
    ),
)
