"""An org at work: batches, chunks, workers and row locks as events in virtual seconds."""
