"""Rules about the age of secrets, and about readers who were removed."""
