"""What every job is made of: errors, results, limits, time, ids, canonical JSON and SQL files."""
