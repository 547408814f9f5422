"""A season of daily runs, replayed: which messages it sends."""
