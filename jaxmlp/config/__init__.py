"""What is trained and how: what a user gives, made complete, and what it stands for."""
