(
  ${why_not_graded}
) IS NULL
