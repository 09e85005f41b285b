"""How a certificate comes about, as pure functions: each module is one chapter, its tests are the specification."""
