"""What stands before a bundle's server on this machine: a reverse proxy on loopback, and the platform's own front."""
