/** Job files with every part explained, one for each kind of job. */
import type { JobKind } from '../../../shared/job/job-kind.ts';

const ABOUT = `# A Reshard job: moves the tables of the sources to the targets and keeps them in step.
# \`reshard schema > job.schema.json\` gives editors the schema of this file.
# Strings may hold \${NAME}: filled in from the environment, so that no password is in the file.

`;

const CLUSTER = `
kafka:
  brokers: ["127.0.0.1:9092"]
  replication: 1                 # copies of each topic; 3 in production
  # ssl: {}                      # verify against the system certificates
  # sasl: { mechanism: scram-sha-512, username: reshard, password: "\${KAFKA_PASSWORD}" }

registry:
  url: "http://127.0.0.1:8081"   # Confluent API; of Apicurio: http://host:8080/apis/ccompat/v7

`;

const SHARDED = `sources:                         # one or more; the name is the prefix of the source's topics
  - name: s1
    host: 127.0.0.1
    port: 3306
    user: reshard                # SELECT, REPLICATION SLAVE, REPLICATION CLIENT
    password: "\${SOURCE_PASSWORD}"
    database: shop
    # replica: { host: 127.0.0.1, port: 3316 }   # the copy reads from there; changes from above

targets:                         # in the order of the remainders: customer_id % 2 = 0 goes to t1
  - name: t1
    host: 127.0.0.1
    port: 3307
    user: reshard                # SELECT, INSERT, UPDATE, DELETE, CREATE on the database
    password: "\${TARGET_PASSWORD}"
    database: shop
  - name: t2
    host: 127.0.0.1
    port: 3308
    user: reshard
    password: "\${TARGET_PASSWORD}"
    database: shop

tables:
  - name: customers
  - name: orders
  - name: order_items

  # - name: countries             # a table may have a route of its own:
  #   route: { kind: all }        # every row on every target
  #   key: [code]                 # and another unique key than its primary key: docs/TYPES.md

`;

const REPLICAS = `# replicas:                      # the limit max-replica-lag of the copy goes by their lag
#   - { name: r1, host: 127.0.0.1, port: 3317, user: reshard, password: "\${SOURCE_PASSWORD}" }

`;

const MODULUS = `route:                           # hash, range, list, target, all: docs/ROUTES.md
  kind: modulus                  # target = column modulo number of targets
  column: customer_id            # integer, NOT NULL, in every table

`;

const OPTIONS = `# cutover:                       # how the application goes over to the targets: docs/CUTOVER.md
#   probe: { user: app, password: "\${APP_PASSWORD}" }   # has to be refused by frozen sources
#   open: ./switch-proxy.sh        # lets the application onto the targets
#   fence: { kind: accounts, lock: writers }   # where nobody may set super_read_only

# options:                       # all have defaults; \`reshard schema\` lists them
#   partitions: 4
#   snapshotWorkers: 2
#   sinkConnections: 2
#   checkWhenInSync: true        # every row is compared once, when the targets are in step
#   checkEveryHours: 24          # and again every day; 0, the default, is never
`;

function servers(role: 'source' | 'target', about: string, list: [string, number][]): string {
  const password = `"\${${role.toUpperCase()}_PASSWORD}"`;
  const named = list.map(
    ([name, port]) => `  - name: ${name}
    host: 127.0.0.1
    port: ${port}
    user: reshard
    password: ${password}
    database: shop
`,
  );
  return `${`${role}s:`.padEnd(33)}# ${about}\n${named.join('')}\n`;
}

const TABLES = `tables:
  - name: customers
  - name: orders
  - name: order_items

`;

/** What of a job file depends on the kind: its servers, and where the tables go. */
const LAYOUTS: Record<JobKind, { about: string; layout: string }> = {
  reshard: {
    about: 'N servers to M by a route of the rows; the default',
    layout: `${SHARDED}${REPLICAS}${MODULUS}`,
  },
  merge: {
    about: 'several servers to one (with a `route`: to fewer)',
    layout: [
      servers('source', 'their rows must not have keys in common: the doctor looks', [
        ['s1', 3306],
        ['s2', 3307],
      ]),
      servers('target', 'one needs no `route`', [['t1', 3308]]),
      TABLES,
      REPLICAS,
    ].join(''),
  },
  split: {
    about: 'whole tables to servers of their own',
    layout: [
      servers('source', 'a cutover freezes the whole server', [['s1', 3306]]),
      servers('target', 'each has all tables; those of the other stay empty', [
        ['sales', 3307],
        ['stock', 3308],
      ]),
      `tables:                          # each says where it goes; there is no \`route\` of the job
  - name: orders
    route: { kind: target, target: sales }
  - name: products
    route: { kind: target, target: stock }
  - name: countries                # both need it
    route: { kind: all }

`,
      REPLICAS,
    ].join(''),
  },
  expand: {
    about: 'a cluster gets more servers; only rows that move are read',
    layout: [
      servers('source', 'the servers that the cluster has, in its order', [
        ['c1', 3306],
        ['c2', 3307],
      ]),
      servers('target', 'the servers that come; empty', [['c3', 3308]]),
      TABLES,
      `oldRoute:                        # where rows are now: half of the 4,096 slots each
  kind: hash
  columns: customer_id

route:                           # where they are to be; a refusal proposes the moves
  kind: hash
  columns: customer_id
  weights: { c1: 1, c2: 1 }      # as before, but for:
  moves: { "1366-2047": c3, "3413-4095": c3 }

`,
      REPLICAS,
    ].join(''),
  },
  copy: {
    about: 'one server to another, all rows as they are',
    layout: [
      servers('source', 'exactly one', [['s1', 3306]]),
      servers('target', 'exactly one; no `route` is needed', [['t1', 3307]]),
      TABLES,
      REPLICAS,
    ].join(''),
  },
};

/** A job file that is valid once the passwords are in the environment. */
export function exampleOf(kind: JobKind): string {
  const { about, layout } = LAYOUTS[kind];
  const kindLine = `${`kind: ${kind}`.padEnd(33)}# ${about}: docs/KINDS.md\n`;
  return `${ABOUT}job: shop                        # part of the names of topics, groups and the targets' offset table
${kindLine}${CLUSTER}${layout}${OPTIONS}`;
}
