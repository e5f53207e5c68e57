"""What flowtui does to runs rather than about them: resume, and the launches behind it."""
