"""What jobd promises in numbers, measured: ``python -m benchmarks``. See docs/benchmarks.md."""
