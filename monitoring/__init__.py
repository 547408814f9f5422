"""What the service reports about itself: the sinks that carry events."""
