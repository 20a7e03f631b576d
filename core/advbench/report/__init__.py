"""Views on stored records: scores, the leaderboard, and their printed forms."""
