-- A writer that knows neither lock nor fence.
INSERT INTO ${target} (player_lookup, game_id, game_date, system_id)
VALUES (${appended}, 'foreign_AWY_HOM', ${date}, 'foreign')
