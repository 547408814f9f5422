"""BigQuery as the service uses it: statements, named jobs, errors of our own tree."""
