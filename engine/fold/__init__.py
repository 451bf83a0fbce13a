"""The fold host: takes a partition's events in log order, fires its timers, hands decisions on, writes views."""
