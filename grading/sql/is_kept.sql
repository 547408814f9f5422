-- The rule that says which prediction of a bet counts, in one place: a condition for QUALIFY.
NOT (${made_after_game})
AND ROW_NUMBER() OVER (
  PARTITION BY ${bet}
  ORDER BY made_after, ${newest_first}
) = 1
