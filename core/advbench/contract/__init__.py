"""What a plugin author reads: types, specs, facts, protocols, params, errors."""
