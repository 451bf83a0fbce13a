"""The command line, `orderfold`: one file a noun, each imported only when it is asked for."""
