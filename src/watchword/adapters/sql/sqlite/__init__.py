"""The embedded database: reads in place, one writer, many transactions in one commit."""
