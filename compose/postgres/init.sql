CREATE ROLE outbound LOGIN CREATEDB PASSWORD 'outbound' IN ROLE pg_monitor, pg_signal_backend, pg_checkpoint;
CREATE DATABASE outbound OWNER outbound;
