/** `--keep`: everything stays up under a light load until Ctrl-C, and says what to look at. */
import { aborted } from '../../shared/runtime/service.ts';
import { sourceName } from '../support/job-file.ts';
import { Load } from '../support/load/load.ts';
import { IdSpace, LOAD_TABLES } from '../support/load/tables.ts';
import type { Demo } from './demo.ts';
import { ordersPerSource } from './options.ts';
import { DATABASE, type Sites } from './sites.ts';

const LIGHT = { connections: 4, perSecond: 20 };

export async function keepRunning(
  { options, narrator, signal }: Demo,
  sites: Sites,
  jobFile: string,
  logDir: string,
): Promise<void> {
  const loads = sites.sources.map((endpoint, source) =>
    Load.start({
      endpoint,
      database: DATABASE,
      space: new IdSpace(source, ordersPerSource(options)),
      seed: options.seed + 1001 + source,
      ...LIGHT,
    }),
  );
  narrator.step('all of it is running, under a light load. To look at:');
  for (const line of lookAt(sites, jobFile, logDir)) narrator.say(line);
  narrator.say('Ctrl-C ends it all.');
  await aborted(signal);
  await Promise.all(loads.map(load => load[Symbol.asyncDispose]()));
}

function lookAt(sites: Sites, jobFile: string, logDir: string): string[] {
  const shell = (s: Sites['sources'][number]): string =>
    `mysql -h ${s.host} -P ${s.port} -u ${s.user} -p${s.password} ${DATABASE}`;
  const job = jobFile.replace(/^.*\//, '').replace(/\.yaml$/, '');
  return [
    `npm run reshard -- status ${jobFile} --watch`,
    `npm run reshard -- verify ${jobFile}`,
    `npm run reshard -- topics ${jobFile}`,
    `npm run reshard -- doctor ${jobFile}`,
    ...sites.sources.map((s, i) => `source ${i + 1}:  ${shell(s)}`),
    ...sites.targets.map((t, i) => `target ${i + 1}:  ${shell(t)}`),
    `Kafka:     ${sites.brokers.join(',')}`,
    `topics:    ${LOAD_TABLES.map(t => `${sourceName(job, 0)}.${DATABASE}.${t}`).join(' ')}`,
    `registry:  ${sites.registryUrl}/subjects`,
    `logs:      ${logDir}`,
  ];
}
