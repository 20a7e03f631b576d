"""The rules of the contest: draws, oracle, ledger, meter, judge."""
