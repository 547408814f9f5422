-- What was staged, what of it could only be graded by a second choice, and beside it what there was to grade.
SELECT
  IFNULL(measured.measured_date, coverage.covered_date) AS measured_date,
  measured.* EXCEPT (measured_date),
  coverage.* EXCEPT (covered_date),
  choices.* EXCEPT (game_date)
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
    COUNTIF(confidence_out_of_range) AS confidence_out_of_range,
    STRING_AGG(DISTINCT IF(box_scores_differ, CONCAT(player_lookup, ' ', box_score_game_id), NULL), '\n' LIMIT 20)
      AS differing_box_scores,
    STRING_AGG(
      DISTINCT IF(box_score_game_id != game_id, CONCAT(game_id, ' graded by ', box_score_game_id), NULL), '\n' LIMIT 20)
      AS differing_game_ids
  FROM ${staging}
  WHERE box_scores_differ OR box_score_game_id != game_id OR confidence_out_of_range
  GROUP BY game_date
) AS choices ON choices.game_date = measured.measured_date
