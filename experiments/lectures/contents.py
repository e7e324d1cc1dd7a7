"""The titles of the slides or sections of each deck, in order, each once."""

A = """
From Regression to Classification
Improving Weight Initialization
The Goal: Multi-Class Classification (MNIST)
The Output Layer: Softmax
The Target: One-Hot Encoding
A Possible Loss: Mean Squared Error (MSE)
A Better Loss: Cross-Entropy (CE)
Why CE is Better: The "Magic" Gradient
Implementation: Forward Pass (NumPy)
Implementation: Backward Pass (NumPy)
Summary
Why Do We Care About Initialization?
What is Variance?
Variance Propagation (Forward Pass)
He (Kaiming) Initialization
Effect of He vs Random initialization
Forward vs Backward: fan_in or fan_out?
Applying He Init to a Simple MNIST MLP
NumPy: Dense He Initialization
MNIST Checklist (ReLU MLP/CNN)
"""

B = """
How to Update Weights?
Why Gradient Descent?
Gradient Descent: Concept and Weight Updates
Example: Gradient Descent and Updating Weights
Gradient Descent: Formula and Process
Identifying an Optimal Learning Rate
Recap: Problem Setup
Finite Difference Method
Backpropagation
Notation Setup
Chain Rule for Gradients
Why Study Computational Gates?
Chain Rule for Important Gates
A Simple Example
A Simple Example: Forward Pass
Backpropagation: A Simple Example
A Simple Example: Backpropagation
Example: One Neuron
Forward Pass
Backward Pass
Backward Pass in the l th Layer
Vectorized Backpropagation
Chain Rule – Matrix-Vector Multiply
Weight Initialization
Why Weight Initialization Matters
Zero Initialization and Random Initialization
Xavier Initialization
He Initialization
Xavier vs. He
Choosing the Right Initialization – Examples
Transition to Loss and Activation Functions
Types of Loss Functions
Mean Squared Error (MSE)
Example of MSE Calculation
Mean Absolute Error (MAE)
Example of MAE Calculation
Impact on Model Outputs and Optimization
Binary Classification Loss – Binary Cross-Entropy
Categorical Cross-Entropy
One-Hot Encoding
Example Calculation (3-Class)
Linear Activation - A Limitation
Limitation of Linear Activation
Neural Networks: Why is the Max Operator Important?
ReLU
Variants of ReLU: Leaky ReLU, PReLU, ELU
Variants of ReLU: Leaky ReLU
Variants of ReLU: PReLU (Parametric ReLU)
Variants of ReLU: ELU (Exponential Linear Unit)
Sigmoid
Classification: Tumor Detection (Malignant vs. Benign)
Tanh (Hyperbolic Tangent)
Comparison: Sigmoid vs Tanh
Problem: Multi-Class Tumor Classification
Softmax Activation: The Model
Example: Softmax Calculation
Example: Softmax Probabilities
Conclusion: Softmax Activation for Classification
"""

C = """
The Soft-Max Simplex
Loss
The Two-Class Cross-Entropy Loss
The Multi-Class Cross-Entropy Loss
Back-Propagation
Stochastic Gradient Descent
Mini-Batches
Termination
Dropout
The Cross Entropy Loss and Information Theory
Coding for Efficiency
Entropy
Cross Entropy
The Cross Entropy Loss
Appendix: The Jacobians for Back-Propagation
"""

D = """
Motivation
From biological neuron to artificial neuron
What can a single neuron do?
From a single neuron to a neural network
Neural network definition
Activation function
Universal Approximation Theorem
Loss functions
One-hot encoding
Softmax
Cross-entropy loss
Derivative of cross-entropy loss
Backpropagation
Demo of dimension broadcasting in python
Initialization
Kaiming Initialization
Adaptive learning rate (gradient) algorithms
"""

E = """
The Perceptron: Supervised Binary Classifier
The Perceptron Algorithm: Difference w.r.t LR
The Perceptron Algorithm: Training Idea
The Perceptron Algorithm
Vocabulary of Neural Network
Vocabulary of Neural Network: Activation Functions
Activation Functions: Examples
Multiclass Logistic Regression & Neural Network
Activation Function Selection
Perceptron vs Multilayer Perceptron (MLP)
Multilayer Perceptron
Notations and Forward Pass
Task: How to Train this MLP Network
Steps: How to Train this MLP Network
Defining Propagation Equations
The Forward Pass
Defining the Loss
How to Train this MLP Network?
Gradient Descent
Gradient Descent and Backpropagation
dL/dW3
dL/db3
Finding dL/dW2
Recap: dL/dW3
Finding dL/dW1
Improving the Neural Network
Normalizing Input
Recap: The Forward Pass
Vanishing and Exploding Gradient
Vanishing Gradient
Exploding Gradient
Solution to Vanishing and Exploding Gradients
Optimization
Optimization: Limitations
Mini-Batch Gradient Descent: Definition, Advantages, and Disadvantages
Colab Demo: MLP
Task: Digit Classification on the MNIST Dataset
"""

TITLES = {
    letter: tuple(text.strip().splitlines())
    for letter, text in {"A": A, "B": B, "C": C, "D": D, "E": E}.items()
}
