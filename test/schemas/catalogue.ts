/**
 * Published schemas that nobody here wrote, by the package that carries each: nothing of them is
 * kept here. Fetched by name and version through the package tools of this machine (package.ts).
 */

export type PackageName =
  /** group:name:version, a jar. */
  | { maven: string }
  /** A Debian package of the suite below. */
  | { debian: string; version: string };

export interface PublishedSchema {
  name: string;
  packages: readonly PackageName[];
  /** Files in the packages, in the order in which they are run; a pattern stands for several. */
  create: readonly (string | RegExp)[];
  /** Makes SQL of a file that is a template or a program. */
  edit?: (text: string) => string;
  /** Scripts of its own that change the schema, run while it is copied. */
  migration?: readonly (string | RegExp)[];
}

/** An old release of Debian: its packages stay as they are. */
export const SUITE = 'bookworm';

const CAMUNDA = 'org/camunda/bpm/engine/db/liquibase';
const JOBRUNR = 'org/jobrunr/storage/sql';

/** Those that a run of all tests takes, in one job: nothing but Maven is needed for them. */
export const SHORT: readonly PublishedSchema[] = [
  {
    name: 'Quartz 2.5.0',
    packages: [{ maven: 'org.quartz-scheduler:quartz:2.5.0' }],
    create: ['org/quartz/impl/jdbcjobstore/tables_mysql_innodb.sql'],
  },
  {
    name: 'Spring Session 3.5.4',
    packages: [{ maven: 'org.springframework.session:spring-session-jdbc:3.5.4' }],
    create: ['org/springframework/session/jdbc/schema-mysql.sql'],
  },
  {
    name: 'Spring Integration 6.4.4',
    packages: [{ maven: 'org.springframework.integration:spring-integration-jdbc:6.4.4' }],
    create: ['org/springframework/integration/jdbc/schema-mysql.sql'],
  },
  {
    name: 'JobRunr 7.4.0',
    packages: [{ maven: 'org.jobrunr:jobrunr:7.4.0' }],
    create: [
      `${JOBRUNR}/common/migrations/v000__create_migrations_table.sql`,
      `${JOBRUNR}/mysql/migrations/v001__create_job_table.sql`,
      `${JOBRUNR}/common/migrations/v002__create_recurring_job_table.sql`,
      `${JOBRUNR}/mysql/migrations/v003__create_background_job_server_table.sql`,
      `${JOBRUNR}/common/migrations/v004__create_job_stats_view.sql`,
      `${JOBRUNR}/common/migrations/v005__update_job_stats_view.sql`,
      `${JOBRUNR}/common/migrations/v006__alter_table_jobs_add_recurringjob.sql`,
      `${JOBRUNR}/common/migrations/v007__alter_table_backgroundjobserver_add_delete_config.sql`,
      `${JOBRUNR}/mysql/migrations/v008__alter_table_jobs_increase_jobAsJson_size.sql`,
      `${JOBRUNR}/mysql/migrations/v009__change_jobrunr_job_counters_to_jobrunr_metadata.sql`,
      `${JOBRUNR}/common/migrations/v010__change_job_stats.sql`,
    ],
    migration: [
      `${JOBRUNR}/common/migrations/v013__alter_table_recurring_job_add_createdAt.sql`,
      `${JOBRUNR}/mysql/migrations/v014__improve_job_stats.sql`,
      `${JOBRUNR}/common/migrations/v015__alter_table_backgroundjobserver_add_name.sql`,
    ],
  },
];

export const LONG: readonly PublishedSchema[] = [
  {
    name: 'Spring Batch 5.2.2',
    packages: [{ maven: 'org.springframework.batch:spring-batch-core:5.2.2' }],
    create: ['org/springframework/batch/core/schema-mysql.sql'],
  },
  {
    name: 'Camunda 7.16 to 7.21',
    packages: [{ maven: 'org.camunda.bpm:camunda-engine:7.21.0' }],
    create: [
      `${CAMUNDA}/baseline/liquibase.mysql.create.engine.sql`,
      `${CAMUNDA}/baseline/liquibase.mysql.create.history.sql`,
      `${CAMUNDA}/baseline/liquibase.mysql.create.identity.sql`,
      `${CAMUNDA}/baseline/liquibase.mysql.create.case.engine.sql`,
      `${CAMUNDA}/baseline/liquibase.mysql.create.case.history.sql`,
      `${CAMUNDA}/baseline/liquibase.mysql.create.decision.engine.sql`,
      `${CAMUNDA}/baseline/liquibase.mysql.create.decision.history.sql`,
    ],
    migration: [
      `${CAMUNDA}/upgrade/mysql_engine_7.16_to_7.17.sql`,
      `${CAMUNDA}/upgrade/mysql_engine_7.17_to_7.18.sql`,
      `${CAMUNDA}/upgrade/mysql_engine_7.18_to_7.19.sql`,
      `${CAMUNDA}/upgrade/mysql_engine_7.19_to_7.20.sql`,
      `${CAMUNDA}/upgrade/mysql_engine_7.20_to_7.21.sql`,
    ],
  },
  {
    name: 'WordPress 6.1',
    packages: [{ debian: 'wordpress', version: '6.1.9+dfsg1-0+deb12u1' }],
    create: ['usr/share/wordpress/wp-admin/includes/schema.php'],
    edit: ofWordpress,
  },
  {
    name: 'MediaWiki 1.39',
    packages: [{ debian: 'mediawiki', version: '1:1.39.17-1+deb12u2' }],
    create: [
      'usr/share/mediawiki/maintenance/tables-generated.sql',
      'usr/share/mediawiki/maintenance/tables.sql',
    ],
    edit: text =>
      text
        .replaceAll('/*_*/', '')
        .replaceAll('/*$wgDBTableOptions*/', 'ENGINE=InnoDB DEFAULT CHARSET=binary'),
  },
  {
    name: 'PowerDNS 4.7',
    packages: [{ debian: 'pdns-backend-mysql', version: '4.7.3-2' }],
    create: [
      'usr/share/pdns-backend-mysql/schema/schema.mysql.sql',
      'usr/share/pdns-backend-mysql/schema/enable-foreign-keys.mysql.sql',
    ],
  },
  {
    name: 'FreeRADIUS 3.2',
    packages: [{ debian: 'freeradius-config', version: '3.2.1+dfsg-4+deb12u1' }],
    create: [/mods-config\/sql\/(main|cui|dhcp|ippool|ippool-dhcp)\/mysql\/schema\.sql$/],
  },
  {
    name: 'Bacula 9.6',
    packages: [{ debian: 'bacula-director-mysql', version: '9.6.7-7' }],
    create: ['usr/share/dbconfig-common/data/bacula-director-mysql/install/mysql'],
  },
];

/** The tables stand as texts in a PHP program; that of users is there twice, and differs little. */
function ofWordpress(program: string): string {
  const tables = new Map<string, string>();
  const text = /CREATE TABLE \$wpdb->(\w+) (\([\s\S]*?\n\)) \$charset_collate;/g;
  for (const [, name = '', columns = ''] of program.matchAll(text)) {
    if (tables.has(name)) continue;
    const sql = `CREATE TABLE wp_${name} ${columns.replaceAll('$max_index_length', '191')}`;
    tables.set(name, `${sql} DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci;`);
  }
  return [...tables.values()].join('\n');
}
