"""What an event costs, against the least it could cost: `make bench`, or `python -m bench --help`."""
