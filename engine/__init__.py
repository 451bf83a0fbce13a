"""The host: intake → append → log → fold → views → API. All I/O lives here."""
