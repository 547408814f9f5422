IFNULL(
  is_active
  AND invalidation_reason IS NULL
  AND (
    line_source IN ('ACTUAL_PROP', 'ODDS_API', 'BETTINGPROS') AND current_points_line IS NOT NULL AND current_points_line != 20
    OR line_source = 'NO_PROP_LINE'
  ),
  FALSE)
