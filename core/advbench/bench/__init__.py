"""From names to rows: plan, train, run, resume."""
