"""Would the bundle deploy and serve: a clean environment, the real server, the platform's layout, its own settings."""
