"""A Google Cloud project as `gcloud` and `bq` show it: our model of it, never a proof.

Each command goes to the real gcloud's linter first, and what it prints goes through gcloud's own printer. Each refusal
names the page that says so. The project's state is one JSON file.
"""
