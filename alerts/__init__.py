"""Slack alerts: what is said (messages), how it travels (slack), and where its address lives (secret)."""

from __future__ import annotations

from alerts.alert import Alert, Notifier, Resolver

__all__ = ["Alert", "Notifier", "Resolver"]
