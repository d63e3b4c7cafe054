"""How fast it is: every figure beside a baseline that ran in turns with it."""
