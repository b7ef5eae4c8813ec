"""Benches of delegated administration (`manage.py bench`)."""
