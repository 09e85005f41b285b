"""Pure rules of retention: what is kept, for how long and why, without clock, chance or I/O."""
