-- What was staged, what of it could only be graded by a second choice, and beside it what there was to grade.
SELECT measured.*, choices.*, coverage.*
FROM (
  ${measured}
) AS measured
CROSS JOIN (
  SELECT
    COUNT(DISTINCT differing_box_score) AS box_scores_differing,
    COUNTIF(box_score_game_id != game_id) AS game_ids_differing,
    COUNTIF(confidence_out_of_range) AS confidence_out_of_range,
    STRING_AGG(DISTINCT differing_box_score, '\n' LIMIT 20) AS differing_box_scores,
    STRING_AGG(DISTINCT differing_game_id, '\n' LIMIT 20) AS differing_game_ids
  FROM (
    SELECT
      game_id,
      box_score_game_id,
      confidence_out_of_range,
      IF(box_scores_differ, CONCAT(player_lookup, ' ', box_score_game_id), NULL) AS differing_box_score,
      IF(box_score_game_id != game_id, CONCAT(game_id, ' graded by ', box_score_game_id), NULL) AS differing_game_id
    FROM ${staging}
  )
) AS choices
CROSS JOIN (
  ${coverage}
) AS coverage
