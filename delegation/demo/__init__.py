"""The demo's data: a cast of organisations, a few hundred generated customers, and their history.

Everything goes through the services with the clock held at a moment of the past, so that states, rights and audit
chains are real.
"""
