(SELECT COUNT(*) FROM ${input} WHERE game_date = ${date})
