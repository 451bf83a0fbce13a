"""Real processes, ended or starved at moments they do not choose: what they answered for must be there, once."""
