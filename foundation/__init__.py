"""What everything stands on: errors, clock, stop signal, events. Imports nothing of ours."""
