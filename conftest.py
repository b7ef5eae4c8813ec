"""The servers come before everything else; the cast of the tests is in tests/conftest.py."""

pytest_plugins = ["tests.servers"]
