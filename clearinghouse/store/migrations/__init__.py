"""Schema versions of the store, oldest first; Alembic runs them."""
