"""Events: reading one, acting on it, telling that a date is complete."""
