"""What is installed, and which combinations make sense. Imports no torch."""
