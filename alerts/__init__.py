"""Slack alerts: what is said (messages), how it travels (slack), and where its address lives (secret)."""
