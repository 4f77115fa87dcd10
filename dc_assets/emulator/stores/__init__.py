"""What the emulator keeps: two databases, the jobs with their files, tokens, options."""
