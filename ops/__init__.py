"""What an operator runs: `python -m ops`. A thin command line; what it decides with lives in shared/."""
