/**
 * What every session of ours says of itself, and why. A server's global defaults and its
 * init_connect are the operator's business: a session that inherits one of them reads uncommitted
 * rows, stops after ten of them, or sorts by half a key, and says nothing. So each variable of a
 * session is judged once, here: what we depend on is set, and the rest is named with the reason why
 * it cannot matter (LEFT). A test on real servers finds a variable nobody has judged.
 *
 * A server is asked which variables it has before they are set: versions and flavors differ, and a
 * list of versions would be wrong with the next one. What needs a privilege is set only if it
 * differs, so the least account goes on working where the server's default is right.
 */
export type Flavor = 'mysql' | 'mariadb';

/** read: SELECTs, read-only. apply: writes of the sink. admin: doctor, DDL, planning. */
export type Role = 'read' | 'apply' | 'admin';

export interface SessionTimeouts {
  netReadTimeoutS?: number;
  netWriteTimeoutS?: number;
  lockWaitTimeoutS?: number;
}

export interface SessionSetting {
  name: string;
  /** As the server shows it. A `number` is written as it is, a text is quoted. */
  value: string | number;
  why: string;
  /** Only sessions of these roles. */
  roles?: readonly Role[];
  /**
   * Setting it takes a privilege: only if the session has another value. One that is `wished` makes
   * us faster; without one that is `needed` nothing is done.
   */
  restricted?: 'needed' | 'wished';
  /** The name of the default is no text to the server. */
  keyword?: boolean;
}

const METADATA_LOCK_TIMEOUT_S = 60;
const APPLY_LOCK_TIMEOUT_S = 20;
const ROW_LOCK_TIMEOUT_S = 50;
const IDLE_TIMEOUT_S = 28_800;
const NET_READ_TIMEOUT_S = 30;
const NET_WRITE_TIMEOUT_S = 60;
/** InnoDB's keys end at 3,072 bytes; their weights can be some times that. */
const SORTED_BYTES = 65_536;
const WARNINGS_KEPT = 65_535;
const NO_LIMIT = '18446744073709551615';

/**
 * Strict, so a value that does not fit is an error; without NO_ZERO_DATE and NO_ZERO_IN_DATE and
 * with ALLOW_INVALID_DATES, so dates that the source holds go in; NO_AUTO_VALUE_ON_ZERO, so a
 * stored 0 stays 0; no NO_BACKSLASH_ESCAPES, ANSI_QUOTES, PAD_CHAR_TO_FULL_LENGTH.
 */
export const SESSION_SQL_MODE =
  'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION';

/** The same, not strict: for a row whose value a strict session takes from nobody. */
export const LENIENT_SQL_MODE = SESSION_SQL_MODE.replace('STRICT_ALL_TABLES,', '');

/**
 * A read is one autocommit SELECT, whose read view is its own at either level. REPEATABLE READ on
 * purpose: MariaDB ignores WITH CONSISTENT SNAPSHOT, on which R rests, at any lower level.
 * The sink applies at READ COMMITTED: without gap locks, writers of other keys do not wait.
 */
const ISOLATION: Record<Role, string> = {
  read: 'REPEATABLE READ, READ ONLY',
  admin: 'REPEATABLE READ, READ WRITE',
  apply: 'READ COMMITTED, READ WRITE',
};

/** What must be in force before the first answer is read, with words every version knows. */
export const FIRST_STATEMENTS: readonly string[] = [
  // The one collation that all versions of both flavors have, whatever their default is.
  'SET NAMES utf8mb4 COLLATE utf8mb4_general_ci',
  // Each flavor passes over the comment that is meant for the other one.
  `SET SESSION sql_select_limit = ${NO_LIMIT}, max_join_size = ${NO_LIMIT}, sql_big_selects = 1
    /*!80000 , max_execution_time = 0 */ /*M!100500 , max_statement_time = 0 */`,
];

export function transactionStatement(role: Role): string {
  return `SET SESSION TRANSACTION ISOLATION LEVEL ${ISOLATION[role]}`;
}

const number = (name: string, value: number, why: string): SessionSetting => ({ name, value, why });

const ALL: readonly SessionSetting[] = [
  { name: 'sql_mode', value: SESSION_SQL_MODE, why: 'decides what a statement of ours means' },
  { name: 'time_zone', value: '+00:00', why: 'TIMESTAMP is read and written as text' },
  number('autocommit', 1, 'one read view would serve every SELECT of the session'),
  { name: 'completion_type', value: 'NO_CHAIN', why: 'a COMMIT would open or end more than asked' },
  number('sql_safe_updates', 0, 'refuses our DELETEs, and limits their number of rows'),
  { name: 'max_join_size', value: NO_LIMIT, why: 'long reads are refused; comes before the next' },
  number('sql_big_selects', 1, 'long reads are refused'),
  number('sql_auto_is_null', 0, '`IS NULL` would mean the last inserted row'),
  number('sql_buffer_result', 0, 'a chunk would be stored on the server before it is sent'),
  number('sql_quote_show_create', 1, 'definitions of tables are parsed and used word for word'),
  number('sql_notes', 1, 'a warning that is not counted is not seen'),
  {
    name: 'max_error_count',
    value: WARNINGS_KEPT,
    why: 'a statement with warnings that nobody can look at is sent again in parts',
    restricted: 'wished',
  },
  number('max_sort_length', SORTED_BYTES, 'a sort by a part of the key would leave rows out'),
  number('group_concat_max_len', 1_048_576, 'a text would be cut with a warning'),
  number('div_precision_increment', 4, 'digits of a quotient'),
  number('max_execution_time', 0, 'a long chunk would be killed again and again'),
  number('max_statement_time', 0, 'a long chunk would be killed again and again'),
  number('wait_timeout', IDLE_TIMEOUT_S, 'a session may wait for work'),
  number('idle_transaction_timeout', 0, 'wait_timeout alone decides'),
  number('idle_readonly_transaction_timeout', 0, 'wait_timeout alone decides'),
  number('idle_write_transaction_timeout', 0, 'wait_timeout alone decides'),
  number('lock_wait_timeout', METADATA_LOCK_TIMEOUT_S, 'waits for a table without an end'),
  { name: 'lc_messages', value: 'en_US', why: 'causes of errors are told apart by their words' },
  number('unique_checks', 1, 'a unique key that is not checked takes two rows'),
  number('check_constraint_checks', 1, 'the table says what it takes'),
  number('range_optimizer_max_mem_size', 0, 'above it a list of keys reads the whole table'),
  number('in_predicate_conversion_threshold', 0, 'a list of keys would become a join'),
  number('optimizer_max_sel_arg_weight', 0, 'above it a list of keys reads the whole table'),
  number('information_schema_stats_expiry', 0, 'old statistics make ranges of unequal size'),
  number('show_create_table_verbosity', 0, 'definitions of tables are parsed'),
  number('show_gipk_in_create_table_and_information_schema', 1, 'a primary key would be hidden'),
  { name: 'use_secondary_engine', value: 'OFF', why: 'a second engine lags behind R' },
  {
    name: 'query_cache_type',
    value: 'OFF',
    why: 'a cached answer may be older than R; to say it is an error where there is no cache',
    restricted: 'needed',
  },
  {
    name: 'system_versioning_asof',
    value: 'DEFAULT',
    why: 'would read the rows of another day',
    keyword: true,
  },
  { name: 'character_set_collations', value: '', why: 'collation of texts that name a charset' },
  { name: 'old_mode', value: 'UTF8_IS_UTF8MB3', why: 'meaning of casts and of the name utf8' },
  number('innodb_snapshot_isolation', 0, 'would refuse writes that READ COMMITTED allows'),
  number('wsrep_dirty_reads', 0, 'rows of a node that has lost its cluster'),
  {
    name: 'sql_log_bin',
    value: 'ON',
    why: 'what we write must be in the binlog of the target',
    roles: ['apply', 'admin'],
    restricted: 'needed',
  },
  {
    name: 'explicit_defaults_for_timestamp',
    value: 'ON',
    why: 'a TIMESTAMP of a new table would set itself',
    roles: ['admin'],
    restricted: 'needed',
  },
];

/** The settings of a session, in the order in which they are set. */
export function settingsOf(role: Role, o: SessionTimeouts = {}): SessionSetting[] {
  const lock = role === 'apply' ? APPLY_LOCK_TIMEOUT_S : ROW_LOCK_TIMEOUT_S;
  const readS = o.netReadTimeoutS ?? NET_READ_TIMEOUT_S;
  const writeS = o.netWriteTimeoutS ?? NET_WRITE_TIMEOUT_S;
  return [
    ...ALL.filter(s => s.roles?.includes(role) ?? true),
    number('net_read_timeout', readS, 'a statement that is sent slowly ends the session'),
    number('net_write_timeout', writeS, 'rows that are taken slowly end the session'),
    number('innodb_lock_wait_timeout', o.lockWaitTimeoutS ?? lock, 'waits without an end'),
    // Rows come in the order of the log, not of their parents.
    number('foreign_key_checks', role === 'apply' ? 0 : 1, 'a child may come before its parent'),
  ];
}

/** Of the binlog reader's connections: its questions, and a dump that waits for as long as we do. */
export function dumpSettings(flavor: Flavor, netWriteTimeoutS: number, idleS: number): string[] {
  const names = ['sql_mode', 'autocommit', 'lc_messages', 'net_read_timeout', 'net_write_timeout'];
  if (flavor === 'mariadb') {
    names.push('max_statement_time', 'idle_transaction_timeout');
    names.push('idle_readonly_transaction_timeout', 'idle_write_transaction_timeout');
  } else names.push('max_execution_time');
  const wanted = settingsOf('read', { netWriteTimeoutS }).filter(s => names.includes(s.name));
  const idle: SessionSetting = number('wait_timeout', idleS, 'it is idle for as long as a dump');
  return [...FIRST_STATEMENTS, setStatement([...wanted, idle]), transactionStatement('read')];
}

export function setStatement(settings: readonly SessionSetting[]): string {
  const text = ({ name, value, keyword }: SessionSetting): string =>
    `${name} = ${typeof value === 'number' || value === NO_LIMIT || keyword ? value : `'${value}'`}`;
  return `SET SESSION ${settings.map(text).join(', ')}`;
}

/** As the server shows it. */
export function shows(setting: SessionSetting, shown: string): boolean {
  const wanted = `${setting.value}`.toUpperCase();
  const seen = shown.toUpperCase();
  if (wanted === seen || Number(wanted) === Number(seen)) return true;
  if (setting.name === 'sql_mode')
    return seen.split(',').sort().join() === wanted.split(',').sort().join();
  return (wanted === '1' && seen === 'ON') || (wanted === '0' && seen === 'OFF');
}

/**
 * Variables of a session that are left to the server, and why no value of theirs can change a row,
 * a position or a verdict. What only makes a statement fail is said by its error.
 */
export const LEFT: readonly { why: string; names: string }[] = [
  {
    why: 'set by SET NAMES and by the transaction statement, or other names of what is set',
    names: `character_set_client character_set_connection character_set_results
      collation_connection transaction_isolation transaction_read_only tx_isolation tx_read_only
      sql_select_limit tmp_table_size storage_engine identity`,
  },
  {
    why: 'plans and buffers: time and memory, never the answer; keys are read by FORCE INDEX',
    names: `analyze_sample_percentage big_tables bulk_insert_buffer_size connection_memory_chunk_size
      eq_range_index_dive_limit expensive_subquery_limit histogram_generation_max_mem_size
      histogram_size histogram_type innodb_ddl_buffer_size innodb_ddl_threads
      innodb_parallel_read_threads innodb_tmpdir internal_tmp_mem_storage_engine join_buffer_size
      join_buffer_space_limit join_cache_level max_heap_table_size max_length_for_sort_data
      max_rowid_filter_size max_seeks_for_key mrr_buffer_size optimizer_adjust_secondary_key_costs
      optimizer_extra_pruning_depth optimizer_join_limit_pref_ratio optimizer_max_sel_args
      optimizer_max_subgraph_pairs optimizer_prune_level optimizer_scan_setup_cost
      optimizer_search_depth optimizer_selectivity_sampling_limit optimizer_switch optimizer_trace
      optimizer_trace_features optimizer_trace_limit optimizer_trace_max_mem_size
      optimizer_trace_offset optimizer_use_condition_selectivity optimizer_where_cost
      preload_buffer_size query_alloc_block_size query_cache_strip_comments
      query_cache_wlock_invalidate query_prealloc_size range_alloc_block_size read_buffer_size
      read_rnd_buffer_size rowid_merge_buff_size secondary_engine_cost_threshold
      enable_secondary_engine_statistics select_into_buffer_size select_into_disk_sync
      select_into_disk_sync_delay set_operations_buffer_size sort_buffer_size tcp_nodelay
      tmp_memory_table_size transaction_alloc_block_size transaction_prealloc_size
      transaction_allow_batching use_stat_tables thread_pool_priority net_buffer_length
      net_retry_count interactive_timeout low_priority_updates innodb_table_locks`,
  },
  {
    why: 'logs, tracing and bookkeeping of the server',
    names: `log_disabled_statements log_queries_not_using_indexes log_slow_admin_statements
      log_slow_disabled_statements log_slow_filter log_slow_max_warnings
      log_slow_min_examined_row_limit log_slow_query log_slow_query_time log_slow_rate_limit
      log_slow_slave_statements log_slow_verbosity log_warnings long_query_time
      min_examined_row_limit note_verbosity profiling profiling_history_size progress_report_time
      session_track_gtids session_track_schema session_track_state_change
      session_track_system_variables session_track_transaction_info slow_query_log sql_log_off
      sql_warnings statement_id error_count warning_count last_gtid in_transaction
      global_connection_memory_tracking terminology_use_previous explain_format
      explain_json_format_version end_markers_in_json print_identified_with_as_hex redirect_url`,
  },
  {
    why: 'limits whose reaching is an error of the statement, never another answer',
    names: `connection_memory_limit max_allowed_packet max_session_mem_used max_user_connections
      parser_max_mem_size tmp_disk_table_size cte_max_recursion_depth max_recursive_iterations
      max_sp_recursion_depth enforce_storage_engine require_row_format resultset_metadata
      sql_require_primary_key restrict_fk_on_non_standard_key innodb_strict_mode`,
  },
  {
    why: 'functions and statements that we do not use',
    names: `alter_algorithm block_encryption_mode character_set_filesystem default_regex_flags
      default_week_format generated_random_password_length innodb_ft_enable_stopword
      innodb_ft_user_stopword_table keep_files_on_create lc_time_names max_delayed_threads
      max_insert_delayed_threads max_points_in_geometry old old_alter_table old_passwords
      sql_if_exists standard_compliant_cte system_versioning_alter_history
      system_versioning_insert_history updatable_views_with_limit windowing_use_high_precision
      timestamp rand_seed1 rand_seed2 insert_id last_insert_id auto_increment_increment
      auto_increment_offset xa_detach_on_prepare default_tmp_storage_engine
      default_master_connection sql_slave_skip_counter max_relay_log_size
      show_create_table_skip_secondary_engine`,
  },
  {
    why: 'our statements that create say it themselves: engine, charset, collation, primary key',
    names: `character_set_database character_set_server collation_database collation_server
      default_collation_for_utf8mb4 default_storage_engine default_table_encryption
      external_table_secondary_storage_engine external_table_storage_engine
      innodb_compression_default innodb_default_encryption_key_id
      sql_generate_invisible_primary_key column_compression_threshold
      column_compression_zlib_level column_compression_zlib_strategy column_compression_zlib_wrap`,
  },
  {
    why: 'tables of other engines than InnoDB',
    names: `aria_repair_threads aria_sort_buffer_size aria_stats_method deadlock_search_depth_long
      deadlock_search_depth_short deadlock_timeout_long deadlock_timeout_short
      myisam_repair_threads myisam_sort_buffer_size myisam_stats_method
      binlog_direct_non_transactional_updates`,
  },
  {
    why: 'how our writes stand in the log of the target: a privilege sets it, the doctor looks',
    names: `binlog_alter_two_phase binlog_annotate_row_events binlog_format binlog_row_image
      binlog_row_value_options binlog_rows_query_log_events binlog_transaction_compression
      binlog_transaction_compression_level_zstd gtid_domain_id gtid_next gtid_owned gtid_seq_no
      immediate_server_version original_commit_timestamp original_server_version
      pseudo_replica_mode pseudo_slave_mode pseudo_thread_id rbr_exec_mode server_id
      skip_parallel_replication skip_replication enable_cascade_triggers external_user proxy_user`,
  },
  {
    why: 'clusters: R and the rows are asked of one node, over one session',
    names: `group_replication_consistency wsrep_gtid_seq_no wsrep_on wsrep_osu_method
      wsrep_retry_autocommit wsrep_sync_wait wsrep_trx_fragment_size wsrep_trx_fragment_unit`,
  },
];
