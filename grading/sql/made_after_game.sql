-- A prediction made after the game never counts beside one of the same player, game and system that was made before.
made_after
AND reason IS NULL
AND NOT LOGICAL_AND(made_after OR reason IS NOT NULL) OVER (PARTITION BY game_date, player_lookup, game, system_id)
