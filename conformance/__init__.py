"""Proves on a real project what the documentation promises: `make conformance PROJECT=…`.

Each assertion is one function of `conformance.assertions`. It runs the service's own parts (publish script, query
session, lock store) on scratch datasets and collections, and says what it saw. Not deployed.
"""
