"""From measurements to a machine: a catalogue of instance types, capacity, cost, and one recommendation."""
