"""Intake: what a channel sends → CloudEvents checked against their schema; the rest → dead letters."""
