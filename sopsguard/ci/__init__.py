"""From the event of a pipeline, and its clone, to what is judged and whom to trust."""
