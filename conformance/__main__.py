"""`python -m conformance`."""

from conformance.cli import main

main(auto_envvar_prefix="CONFORMANCE")
