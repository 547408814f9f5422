"""Repairs of what is already broken: duplicates, orphaned staging tables, ungraded predictions, and the daily tasks."""
