"""What the service tells about itself: events, and the sinks that carry them."""
