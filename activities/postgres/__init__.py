"""Everything that is written to or read from PostgreSQL: SQL and rows, no knowledge of Temporal or of vendors."""
