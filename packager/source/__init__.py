"""The artifact: audited before anything loads it, and loaded only inside a locked-down child process."""
