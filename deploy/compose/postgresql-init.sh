#!/bin/sh
# Makes the roles and the database. PostgreSQL's image runs it once, when its volume is empty.
set -eu
secret() { cat "/run/secrets/$1"; }

psql --set ON_ERROR_STOP=1 --username postgres \
    --set evcommand="$(secret evcommand_database_password)" \
    --set temporal="$(secret temporal_database_password)" <<'SQL'
CREATE ROLE evcommand LOGIN PASSWORD :'evcommand';
CREATE DATABASE evcommand OWNER evcommand;
-- Temporal makes its two databases itself.
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
SQL
