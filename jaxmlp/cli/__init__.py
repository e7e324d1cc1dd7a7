"""What all commands share: command line, terminal, pages, compiled programs, and Ctrl-C."""
