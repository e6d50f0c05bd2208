"""What is known about the stations: a SQL database, one code path for SQLite and PostgreSQL.

database: what a process opens. engine/: transactions, the lowest layer. tables: every table.
log/: changes of commands and reservations. transactions/: charging transactions. Beside them one
file per group of tables, with the functions that read and write it: each takes an open
transaction (`Tx`) first, and the time as an argument.
"""
