"""What all commands share: the command line, the terminal, kept programs, and Ctrl-C."""
