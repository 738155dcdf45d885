"""What the durability runs are made of: a Postgres and a service that may be killed, a load, and a count."""
