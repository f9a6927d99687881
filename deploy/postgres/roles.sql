-- Two roles for jobd in PostgreSQL 13 or newer: one owns its tables and migrates them, one runs.
-- Run it once, as a superuser, connected to jobd's own database; give both roles a password
-- afterwards: \password jobd_owner, \password jobd. It may be run again.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jobd_owner') THEN
        CREATE ROLE jobd_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jobd') THEN
        CREATE ROLE jobd LOGIN;
    END IF;
END $$;

-- Nobody else gets into this database, and nobody makes anything in it but its owner in jobd's
-- schema (before version 15 everybody could, in "public").
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO jobd_owner, jobd', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS jobd AUTHORIZATION jobd_owner;
GRANT USAGE ON SCHEMA jobd TO jobd;

-- The running daemon calls functions and nothing else: it has no right on any table. Those that it
-- calls act with their owner's rights; the others refuse it, as they act with its own.
ALTER DEFAULT PRIVILEGES FOR ROLE jobd_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE jobd_owner IN SCHEMA jobd GRANT EXECUTE ON FUNCTIONS TO jobd;
