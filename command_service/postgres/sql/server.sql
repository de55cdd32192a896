SELECT
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('data_checksums') AS data_checksums,
    current_setting('data_sync_retry') AS data_sync_retry,
    current_setting('server_version_num')::integer AS version,
    pg_is_in_recovery() AS is_replica,
    to_regclass('obverse.migrations') IS NOT NULL AS is_migrated
