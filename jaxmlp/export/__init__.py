"""Write a trained network for other programs: ONNX, NumPy, JavaScript, and a card for people."""
