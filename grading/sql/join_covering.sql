LEFT JOIN ${covering} AS covering ON covering.day = run.game_date
