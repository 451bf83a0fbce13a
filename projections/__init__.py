"""Pure folds: no I/O, clock, randomness, floats in state, or time-zone data. They read schemas and nothing else."""
