-- The rule that says which predictions count, in one place: NULL, or why one is never graded.
CASE
  WHEN is_active IS NOT TRUE THEN 'inactive'
  WHEN invalidation_reason IS NOT NULL THEN 'invalidated'
  WHEN line_source = 'NO_PROP_LINE' THEN NULL
  WHEN line_source IS NULL OR line_source NOT IN ('ACTUAL_PROP', 'ODDS_API', 'BETTINGPROS') THEN 'line_source'
  WHEN current_points_line IS NULL THEN 'no_line'
  WHEN current_points_line IN (${placeholder_lines}) THEN 'placeholder_line'
END
