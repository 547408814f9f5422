-- What was staged, what of it could only be graded by a second choice, and beside it what there was to grade.
SELECT
  IFNULL(measured.measured_date, coverage.covered_date) AS measured_date,
  measured.* EXCEPT (measured_date),
  coverage.causes,
  coverage.silent_systems,
  coverage.silent_games,
  choices.box_scores_differing,
  choices.game_ids_differing,
  choices.confidence_out_of_range,
  differing_box_scores.names AS differing_box_scores,
  differing_game_ids.names AS differing_game_ids
FROM (
  ${measured}
) AS measured
FULL JOIN (
  ${coverage}
) AS coverage ON coverage.covered_date = measured.measured_date
LEFT JOIN (
  SELECT
    game_date,
    COUNT(DISTINCT IF(box_scores_differ, CONCAT(player_lookup, box_score_game_id), NULL)) AS box_scores_differing,
    COUNTIF(box_score_game_id != game_id) AS game_ids_differing,
    COUNTIF(confidence_out_of_range) AS confidence_out_of_range
  FROM ${staging}
  GROUP BY game_date
) AS choices ON choices.game_date = measured.measured_date
LEFT JOIN (
  SELECT game_date, STRING_AGG(name, '\n' LIMIT 20) AS names
  FROM (
    SELECT DISTINCT game_date, CONCAT(player_lookup, ' ', box_score_game_id) AS name
    FROM ${staging}
    WHERE box_scores_differ
  )
  GROUP BY game_date
) AS differing_box_scores ON differing_box_scores.game_date = measured.measured_date
LEFT JOIN (
  SELECT game_date, STRING_AGG(name, '\n' LIMIT 20) AS names
  FROM (
    SELECT DISTINCT game_date, CONCAT(game_id, ' graded by ', box_score_game_id) AS name
    FROM ${staging}
    WHERE box_score_game_id != game_id
  )
  GROUP BY game_date
) AS differing_game_ids ON differing_game_ids.game_date = measured.measured_date
