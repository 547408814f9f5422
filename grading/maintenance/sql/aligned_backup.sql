(SELECT ${aligned} FROM ${backup})
