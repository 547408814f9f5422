-- What was staged, what of it could only be graded by a second choice, and beside it what there was to grade.
SELECT
  measured.*,
  coverage.*,
  choices.*,
  (
    SELECT STRING_AGG(name, '\n')
    FROM (
      SELECT DISTINCT CONCAT(player_lookup, ' ', box_score_game_id) AS name
      FROM ${staging}
      WHERE box_scores_differ
      LIMIT 20
    )
  ) AS differing_box_scores,
  (
    SELECT STRING_AGG(name, '\n')
    FROM (
      SELECT DISTINCT CONCAT(game_id, ' graded by ', box_score_game_id) AS name
      FROM ${staging}
      WHERE box_score_game_id != game_id
      LIMIT 20
    )
  ) AS differing_game_ids
FROM (
  ${measured}
) AS measured
CROSS JOIN (
  SELECT
    COUNT(DISTINCT IF(box_scores_differ, CONCAT(player_lookup, box_score_game_id), NULL)) AS box_scores_differing,
    COUNTIF(box_score_game_id != game_id) AS game_ids_differing,
    COUNTIF(confidence_out_of_range) AS confidence_out_of_range
  FROM ${staging}
) AS choices
CROSS JOIN (
  ${coverage}
) AS coverage
