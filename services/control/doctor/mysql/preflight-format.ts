/**
 * Sessions that log statements instead of rows. The global setting is a rule of its own
 * (setting-rule.ts); a session keeps the format that it has begun with or has set for itself. Such
 * a session may change our tables through a trigger, a view or a routine, and the text in the
 * binlog does not name them: the ordered writer then stops at every one that it cannot clear.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { PROGRAM_NAME } from '../../../../shared/mysql/driver.ts';
import type { Finding } from '../../../../shared/mysql/finding.ts';
import type { ServerFacts } from '../../../../shared/mysql/inspect.ts';
import { mapMysqlError } from '../../../../shared/mysql/mysql-error.ts';

export async function checkFormats(
  session: MysqlSession,
  facts: ServerFacts,
  where: string,
): Promise<Finding[]> {
  const found: Finding[] = [];
  const connect = facts.text('init_connect');
  if (/binlog_format/i.test(connect)) {
    found.push({
      level: 'warning',
      code: 'binlog-format-init-connect',
      where,
      what: 'init_connect sets binlog_format',
      why: WHY,
      fix: 'take binlog_format out of init_connect, and let sessions reconnect',
    });
  }
  const users = await usersOfOtherFormats(session);
  if (users.length === 0) return found;
  return [
    ...found,
    {
      level: 'warning',
      code: 'binlog-format-session',
      where,
      what: `sessions of ${users.join(', ')} log statements (binlog_format is not ROW there)`,
      why: WHY,
      fix: 'let those sessions reconnect, or set binlog_format = ROW in them',
    },
  ];
}

const WHY =
  'What such a session changes is logged as text, which does not tell what triggers, views and routines have done: the pipeline stops at it, unless it can see that our tables are left alone.';

/**
 * Empty where the server does not tell, or we may not see it. Ours write nothing on a source; a
 * session without a user is about to log in, perhaps one of ours that has not said so yet.
 */
async function usersOfOtherFormats(session: MysqlSession): Promise<string[]> {
  if (session.flavor !== 'mysql') return [];
  try {
    const rows = await session.query<{ user: string | null }>(
      `SELECT DISTINCT t.PROCESSLIST_USER AS user
         FROM performance_schema.variables_by_thread v
         JOIN performance_schema.threads t USING (THREAD_ID)
         LEFT JOIN performance_schema.session_connect_attrs a
           ON a.PROCESSLIST_ID = t.PROCESSLIST_ID AND a.ATTR_NAME = 'program_name'
        WHERE v.VARIABLE_NAME = 'binlog_format' AND v.VARIABLE_VALUE <> 'ROW'
          AND t.TYPE = 'FOREGROUND' AND t.PROCESSLIST_ID <> CONNECTION_ID()
          AND t.PROCESSLIST_USER IS NOT NULL
          AND COALESCE(a.ATTR_VALUE, '') <> '${PROGRAM_NAME}'
        LIMIT 20`,
    );
    return rows.map(r => r.user ?? 'unknown');
  } catch (e) {
    if (mapMysqlError(e, session.where()).kind === 'denied') return [];
    throw e;
  }
}
