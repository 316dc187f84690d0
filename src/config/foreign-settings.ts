/**
 * Settings of backends that ctq does not have, and of loaders that Python needs. They are known by
 * name so that a configuration shared with Python is not refused; they do nothing here.
 */
export const FOREIGN_SETTINGS: ReadonlySet<string> = new Set(
  `
  cache_backend cache_backend_options
  cassandra_auth_kwargs cassandra_auth_provider cassandra_bundle_path cassandra_entry_ttl cassandra_keyspace cassandra_options
  cassandra_port cassandra_read_consistency cassandra_servers cassandra_table cassandra_write_consistency
  s3_access_key_id s3_base_path s3_bucket s3_endpoint_url s3_region s3_secret_access_key
  azureblockblob_base_path azureblockblob_connection_timeout azureblockblob_container_name azureblockblob_read_timeout
  azureblockblob_retry_increment_base azureblockblob_retry_initial_backoff_sec azureblockblob_retry_max_attempts
  gcs_base_path gcs_bucket gcs_project gcs_ttl
  couchbase_backend_settings arangodb_backend_settings mongodb_backend_settings
  cosmosdbsql_collection_name cosmosdbsql_consistency_level cosmosdbsql_database_name cosmosdbsql_max_retry_attempts
  cosmosdbsql_max_retry_wait_time
  elasticsearch_max_retries elasticsearch_retry_on_timeout elasticsearch_save_meta_as_text elasticsearch_timeout
  database_url
  `
    .trim()
    .split(/\s+/),
);
