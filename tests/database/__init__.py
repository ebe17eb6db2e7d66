"""What PostgreSQL keeps, on a real one: schema, rights, transactions, pages, and the proof of the books."""
