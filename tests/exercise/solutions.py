"""A right solution of every exercise, as a student would write it."""

SOLUTIONS = {
    "softmax": """
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
""",
    "softmax_jacobian": """
def softmax_jacobian(p):
    return np.diag(p) - np.outer(p, p)
""",
    "squared_error_through_softmax": """
def squared_error_through_softmax(z, y):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    a = e / e.sum(axis=1, keepdims=True)
    da = 2 * (a - y) / len(z)
    return a * (da - (da * a).sum(axis=1, keepdims=True))
""",
    "cross_entropy": """
def cross_entropy(z, y):
    s = z - z.max(axis=1, keepdims=True)
    log_a = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -(y * log_a).sum() / len(z)
    dz = (np.exp(log_a) - y) / len(z)
    return loss, dz
""",
    "he": """
def he(n):
    fan_in, fan_out = n.shape
    return n * np.sqrt(2 / fan_in)
""",
    "central_differences": """
def central_differences(f, w, h):
    g = np.zeros(len(w))
    for i in range(len(w)):
        e = np.zeros(len(w))
        e[i] = h
        g[i] = (f(w + e) - f(w - e)) / (2 * h)
    return g
""",
    "gates": """
def gates(x, y, z, df):
    q, m = x + y, max(x, z)
    dq, dm = df * m, df * q
    from_max_x, from_max_z = (dm, 0.0) if x > z else (0.0, dm)
    return dq + from_max_x, dq, from_max_z
""",
    "dense_backward": """
def dense_backward(x, W, dz):
    dx = dz @ W.T
    dW = x.T @ dz
    db = dz.sum(axis=0)
    return dx, dW, db
""",
    "xavier": """
def xavier(u):
    fan_in, fan_out = u.shape
    return u * np.sqrt(3 * 2 / (fan_in + fan_out))
""",
    "relu_backward": """
def relu_backward(z, da):
    return da * (z > 0)
""",
    "leaky_relu_backward": """
def leaky_relu_backward(z, da, alpha):
    return da * np.where(z > 0, 1, alpha)
""",
    "prelu_backward": """
def prelu_backward(z, alpha, da):
    dz = np.where(z > 0, 1, alpha) * da
    dalpha = (z * da * (z < 0)).sum(axis=0)
    return dz, dalpha
""",
    "algorithm_1": """
def algorithm_1(x, y, W1, W2):
    mean1, mean2 = np.zeros(W1.shape), np.zeros(W2.shape)
    for n in range(1, len(x) + 1):
        x0 = x[n - 1]
        x1 = np.tanh(W1 @ x0)
        g = W2 @ x1 - y[n - 1]
        new2 = np.outer(g, x1)
        g = W2.T @ g
        new1 = np.outer(g * (1 - x1**2), x0)
        mean1 = ((n - 1) * mean1 + new1) / n
        mean2 = ((n - 1) * mean2 + new2) / n
    return mean1, mean2
""",
    "momentum": """
def momentum(w, gradients, alpha, mu):
    v = np.zeros(len(w))
    for t in range(len(mu)):
        v = mu[t] * v - alpha * gradients[t]
        w = w + v
    return w, v
""",
    "early_stopping": """
def early_stopping(errors, patience):
    best = 1
    for epoch in range(1, len(errors) + 1):
        if errors[epoch - 1] < errors[best - 1]:
            best = epoch
        if epoch - best >= patience:
            return best, epoch
    return best, len(errors)
""",
    "dropout": """
def dropout(x, m, p):
    train = m * x
    after = p * x
    inverted_train = m * x / p
    inverted_after = x
    return train, after, inverted_train, inverted_after
""",
    "convolution_backward": """
def convolution_backward(x, W, dy):
    dx, dW = np.zeros(x.shape), np.zeros(W.shape)
    k, l = W.shape
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            dx[i : i + k, j : j + l] += W * dy[i, j]
            dW += x[i : i + k, j : j + l] * dy[i, j]
    return dx, dW
""",
    "max_pooling_backward": """
def max_pooling_backward(x, dy):
    dx = np.zeros(x.shape)
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            window = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            u, v = divmod(np.argmax(window), 2)
            dx[2 * i + u, 2 * j + v] = dy[i, j]
    return dx
""",
    "huffman": """
def huffman(q):
    parts, length = list(q), 0
    while len(parts) > 1:
        parts.sort()
        joined = parts.pop(0) + parts.pop(0)
        parts.append(joined)
        length += joined
    return length
""",
    "xor": """
def xor():
    W1 = np.array([[1, 1], [1, 1]])
    b1 = np.array([-1.5, -0.5])
    W2 = np.array([[-2.0], [1.0]])
    b2 = np.array([-0.5])
    return W1, b1, W2, b2
""",
    "delta_procedure": """
def delta_procedure(x, y, W1, W2):
    h = 1 / (1 + np.exp(-(x @ W1)))
    e = np.exp(h @ W2)
    f = e / e.sum()
    delta2 = f - y
    delta1 = (W2 @ delta2) * h * (1 - h)
    return delta2, delta1, np.outer(h, delta2), np.outer(x, delta1)
""",
    "adagrad": """
def adagrad(w, gradients, eta, epsilon):
    g = np.zeros(len(w))
    for dw in gradients:
        g = g + dw**2
        w = w - eta * dw / np.sqrt(g + epsilon)
    return w
""",
    "rmsprop": """
def rmsprop(w, gradients, eta, beta, epsilon):
    g = np.zeros(len(w))
    for dw in gradients:
        g = beta * g + (1 - beta) * dw**2
        w = w - eta * dw / np.sqrt(g + epsilon)
    return w
""",
    "adam": """
def adam(w, gradients, eta, beta1, beta2, epsilon):
    m, g = np.zeros(len(w)), np.zeros(len(w))
    for t, dw in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * dw
        g = beta2 * g + (1 - beta2) * dw**2
        m_hat = m / (1 - beta1**t)
        g_hat = g / (1 - beta2**t)
        w = w - eta * m_hat / np.sqrt(g_hat + epsilon)
    return w
""",
    "bias_gradient": """
def bias_gradient(b, dz):
    db = dz
    while db.ndim > b.ndim:
        db = db.sum(axis=0)
    for axis in range(b.ndim):
        if b.shape[axis] == 1:
            db = db.sum(axis=axis, keepdims=True)
    return db
""",
    "perceptron": """
def perceptron(w, b, x, y, alpha):
    for n in range(len(x)):
        h = 1 if x[n] @ w + b >= 0 else 0
        w = w + alpha * (y[n] - h) * x[n]
        b = b + alpha * (y[n] - h)
    return w, b
""",
    "binary_dw3": """
def binary_dw3(x, y, W1, W2, W3):
    a1 = 1 / (1 + np.exp(-W1 @ x))
    a2 = 1 / (1 + np.exp(-W2 @ a1))
    a3 = 1 / (1 + np.exp(-W3 @ a2))
    delta3 = a3 - y
    return delta3 @ a2.T / x.shape[1]
""",
    "binary_dw2": """
def binary_dw2(x, y, W1, W2, W3):
    a1 = 1 / (1 + np.exp(-W1 @ x))
    a2 = 1 / (1 + np.exp(-W2 @ a1))
    a3 = 1 / (1 + np.exp(-W3 @ a2))
    delta3 = a3 - y
    delta2 = (W3.T @ delta3) * a2 * (1 - a2)
    return delta2 @ a1.T / x.shape[1]
""",
    "binary_dw1": """
def binary_dw1(x, y, W1, W2, W3):
    a1 = 1 / (1 + np.exp(-W1 @ x))
    a2 = 1 / (1 + np.exp(-W2 @ a1))
    a3 = 1 / (1 + np.exp(-W3 @ a2))
    delta3 = a3 - y
    delta2 = (W3.T @ delta3) * a2 * (1 - a2)
    delta1 = (W2.T @ delta2) * a1 * (1 - a1)
    return delta1 @ x.T / x.shape[1]
""",
    "z_score": """
def z_score(train, test):
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / deviation, (test - mean) / deviation
""",
    "layer_norm_backward": """
def layer_norm_backward(x, gamma, dy, epsilon):
    centred = x - x.mean(axis=1, keepdims=True)
    sigma = np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon)
    hat = centred / sigma
    d = dy * gamma
    first = d.mean(axis=1, keepdims=True)
    second = hat * (d * hat).mean(axis=1, keepdims=True)
    dx = (d - first - second) / sigma
    return dx, (dy * hat).sum(axis=0), dy.sum(axis=0)
""",
    "order_of_updates": """
def order_of_updates(x, y, W1, W2, W3, alpha):
    a1 = 1 / (1 + np.exp(-W1 @ x))
    a2 = 1 / (1 + np.exp(-W2 @ a1))
    a3 = 1 / (1 + np.exp(-W3 @ a2))
    N = x.shape[1]
    delta3 = a3 - y
    dW3 = delta3 @ a2.T / N
    delta2 = (W3.T @ delta3) * a2 * (1 - a2)
    dW2 = delta2 @ a1.T / N
    delta1 = (W2.T @ delta2) * a1 * (1 - a1)
    dW1 = delta1 @ x.T / N
    W3 = W3 - alpha * dW3
    W2 = W2 - alpha * dW2
    W1 = W1 - alpha * dW1
    return W1, W2, W3
""",
}
