"""The database engine: transactions, pools, group commit and statements on SQLite and PostgreSQL.

The lowest layer of the fleet: it knows no table, no log and no migration. What upper layers want
to happen after a commit, and which PostgreSQL channel they listen to, they tell it.
"""
