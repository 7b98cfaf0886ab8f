"""What is true about accounts, sessions and attempts: frozen values and pure rules.

Invariant: nothing here reads a clock, draws randomness or does I/O; time arrives as an argument.
"""
