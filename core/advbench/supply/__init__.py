"""Getting things from outside: where they are had, how they are checked, and where they are kept."""
