"""What money does, as pure functions: each module is one chapter, its tests are the specification."""
