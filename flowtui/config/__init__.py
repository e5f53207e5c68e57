"""What a person has set, where, and what is in force."""
