"""One module a command of ./econsent, found by its name: HELP is its line in the help, main(argv) returns its exit code."""
