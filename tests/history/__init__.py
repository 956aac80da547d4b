"""The history engine: timelines of values and readers."""
