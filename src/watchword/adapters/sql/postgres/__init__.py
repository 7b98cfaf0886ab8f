"""PostgreSQL: many nodes, one truth; statements prepared and run on the driver."""
