-- What a superuser does once, connected to the database that is to hold the log: roles and ownership.
-- Plain SQL for any client; repeating it changes nothing but the passwords. They come in as settings of the session:
--   PGOPTIONS="-c obverse.migrator_password=… -c obverse.service_password=…" psql -d obverse -f bootstrap.sql

BEGIN;

-- Two that run this at once, be it for two databases, would fail on each other's change of a role.
LOCK TABLE pg_authid, pg_database IN SHARE ROW EXCLUSIVE MODE;

DO $roles$
DECLARE
    login record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'obverse_owner') THEN
        CREATE ROLE obverse_owner NOLOGIN;
    END IF;
    FOR login IN
        SELECT 'obverse_migrator' AS name, current_setting('obverse.migrator_password') AS password
        UNION ALL
        SELECT 'obverse_service', current_setting('obverse.service_password')
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login.name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', login.name);
        END IF;
        EXECUTE format('ALTER ROLE %I PASSWORD %L', login.name, login.password);
    END LOOP;
END
$roles$;

GRANT obverse_owner TO obverse_migrator;

-- A service waits for no lock and no statement longer than its caller would, and holds nothing when it is stuck.
ALTER ROLE obverse_service SET lock_timeout = '1s';
ALTER ROLE obverse_service SET idle_in_transaction_session_timeout = '5s';

DO $database$
BEGIN
    EXECUTE format('ALTER DATABASE %I OWNER TO obverse_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO obverse_migrator, obverse_service', current_database());
END
$database$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

COMMIT;
