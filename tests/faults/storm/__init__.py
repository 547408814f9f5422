"""The fault storm: many processes, many faults at once, and a checker that reads what readers see."""
