"""Grades prediction dates in BigQuery: who may write, what is written, and what was decided."""
