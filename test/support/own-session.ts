/**
 * What a test's own connection says of itself, so that a server with strange global defaults does
 * to load and judge what it may not do to us. One statement for both flavors: each passes over the
 * comment that is meant for the other one. It shares nothing with our own sessions on purpose.
 */
export const OWN_SESSION = [
  `SET NAMES utf8mb4`,
  `SET SESSION sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_safe_updates = 0,
    autocommit = 1, completion_type = 0, time_zone = '+00:00', unique_checks = 1,
    foreign_key_checks = 1, sql_auto_is_null = 0, sql_buffer_result = 0, wait_timeout = 28800,
    net_read_timeout = 60, net_write_timeout = 60, lock_wait_timeout = 60, max_sort_length = 4096,
    sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES',
    lc_messages = 'en_US', max_seeks_for_key = 4294967295, auto_increment_increment = 1,
    auto_increment_offset = 1
    /*!80000 , max_execution_time = 0, range_optimizer_max_mem_size = 8388608,
      use_secondary_engine = 'OFF' */
    /*M!100500 , max_statement_time = 0, idle_transaction_timeout = 0,
      idle_readonly_transaction_timeout = 0, idle_write_transaction_timeout = 0 */`,
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE',
] as const;
