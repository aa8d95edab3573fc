"""Measures of speed and size, as ratios to what a user would pick instead. `python -m benchmarks --help`; docs/benchmarks.md."""
