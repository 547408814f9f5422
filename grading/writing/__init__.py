"""The fenced write: stage, measure, publish; and the tables that it writes to."""
