(SELECT * REPLACE (${replaced}) FROM ${input})
