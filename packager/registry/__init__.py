"""Where artifacts come from and bundles go: URIs, the directory registry, one row per scheme in `fetch.SCHEMES`."""
