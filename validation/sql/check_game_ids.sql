-- Predictions of players whose box score of the date is under another game id.
WITH box_scores AS (
  SELECT DISTINCT game_date, player_lookup, game_id
  FROM ${box_scores}
  WHERE game_date BETWEEN ${start} AND ${yesterday}
),
differing AS (
  SELECT p.game_date, p.game_id, MIN(other.game_id) AS other_id
  FROM ${predictions} AS p
  JOIN box_scores AS other ON other.game_date = p.game_date AND other.player_lookup = p.player_lookup
  LEFT JOIN box_scores AS own
    ON own.game_date = p.game_date AND own.player_lookup = p.player_lookup AND own.game_id = p.game_id
  WHERE p.game_date BETWEEN ${start} AND ${yesterday}
    AND p.is_active
    AND p.invalidation_reason IS NULL
    AND own.game_id IS NULL
  GROUP BY p.game_date, p.game_id
)
SELECT
  COUNT(*) AS game_ids_differ,
  STRING_AGG(
    CONCAT(CAST(game_date AS STRING), ': predicted as ', game_id, ', played as ', other_id),
    '; ' ORDER BY game_date DESC, game_id LIMIT 5
  ) AS game_ids_differ_samples
FROM differing
