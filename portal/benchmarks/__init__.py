"""Benches: each makes its own data in a database of its own and compares within one run (docs/benchmarks.md)."""
