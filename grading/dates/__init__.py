"""Many dates: what each has, and what is to be done about it."""
