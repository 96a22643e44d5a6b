"""The command line: one short file per command; it parses, calls the library and prints."""
