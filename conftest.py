"""The servers come before everything else; the fixtures are in tests/conftest.py."""

pytest_plugins = ["tests.servers"]
