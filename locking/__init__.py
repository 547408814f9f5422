"""A per-date lock with leases, renewal, fair waiting and takeover, on Firestore or SQLite."""
