"""Two small infrastructures with throw-away keys, made at run time: one as advised, one as the guide says."""
