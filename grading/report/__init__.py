"""What a person looks at: the story of a date, the difference between two publishes, the page. Nothing is changed."""
