"""The statements of explain, diff and report."""
