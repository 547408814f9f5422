CREATE TABLE ${staging} AS
${rows}
