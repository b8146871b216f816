"""The served bundle under load: an open-loop generator, the highest rate that meets the SLO, the queue past it."""
