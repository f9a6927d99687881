"""DECIDES: pure functions and the scheduler. No await, clock, randomness, I/O or logging."""
