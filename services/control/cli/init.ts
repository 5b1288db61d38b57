/** `reshard init`: a job file with every part explained. */
import { writeFile } from 'node:fs/promises';
import { ReshardError } from '../../../shared/runtime/error.ts';

export const EXAMPLE = `# A Reshard job: moves the tables of the sources to the targets and keeps them in step.
# \`reshard schema > job.schema.json\` gives editors the schema of this file.
# Strings may hold \${NAME}: filled in from the environment, so that no password is in the file.

job: shop                        # part of the names of topics, groups and the targets' offset table

kafka:
  brokers: ["127.0.0.1:9092"]
  replication: 1                 # copies of each topic; 3 in production
  # ssl: {}                      # verify against the system certificates
  # sasl: { mechanism: scram-sha-512, username: reshard, password: "\${KAFKA_PASSWORD}" }

registry:
  url: "http://127.0.0.1:8081"   # Confluent API; of Apicurio: http://host:8080/apis/ccompat/v7

sources:                         # one or more; the name is the prefix of the source's topics
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

# replicas:                      # the limit max-replica-lag of the copy goes by their lag
#   - { name: r1, host: 127.0.0.1, port: 3317, user: reshard, password: "\${SOURCE_PASSWORD}" }

route:                           # hash, range, list, target, all: docs/ROUTES.md
  kind: modulus                  # target = column modulo number of targets
  column: customer_id            # integer, NOT NULL, in every table

# cutover:                       # how the application goes over to the targets: docs/CUTOVER.md
#   probe: { user: app, password: "\${APP_PASSWORD}" }   # has to be refused by frozen sources
#   open: ./switch-proxy.sh        # lets the application onto the targets

# options:                       # all have defaults; \`reshard schema\` lists them
#   partitions: 4
#   snapshotWorkers: 2
#   sinkConnections: 2
#   checkWhenInSync: true        # every row is compared once, when the targets are in step
#   checkEveryHours: 24          # and again every day; 0, the default, is never
`;

export async function writeExample(path: string): Promise<void> {
  try {
    await writeFile(path, EXAMPLE, { flag: 'wx' });
  } catch (cause) {
    throw new ReshardError('config', `cannot write ${path}`, {
      cause,
      remedy: 'an existing file is never overwritten: name another one',
    });
  }
}
