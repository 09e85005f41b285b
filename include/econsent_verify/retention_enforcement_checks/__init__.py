"""What has to be true after retention: of the log, of what went, of what is kept, of people who were erased."""
