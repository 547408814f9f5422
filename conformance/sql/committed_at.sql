SELECT committed_at FROM ${runs} WHERE run_id = ${run_id} AND game_date = ${date}
