"""Folding the log again: rebuilt views, and the proof that what is recorded follows from it."""
