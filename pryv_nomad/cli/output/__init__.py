"""How results look: tables, plans, progress; on a terminal and in a pipe."""
