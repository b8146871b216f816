"""What each command does between its arguments and its result, one file a command."""
