"""The figures that the README quotes. Start at README.md; nothing of the package imports this."""
