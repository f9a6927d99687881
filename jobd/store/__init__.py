"""REMEMBERS: jobs, ticks and runs; grants the right to run."""
