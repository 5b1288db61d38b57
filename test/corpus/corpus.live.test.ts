/**
 * I1 and I6 for every feature of the corpus: by snapshot, by binlog and by both at once the same
 * values reach topic and targets, byte for byte, on either flavor. What is not carried is refused
 * by the doctor, in words, before anything is copied.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callReshard } from '../support/reshard-cli.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { CorpusJob } from './corpus-job.ts';

const MINUTES = 60_000;

describe.each(['mysql', 'mariadb'] as const)('%s', flavor => {
  let mysql: Servers;
  let job: CorpusJob;

  beforeAll(async () => {
    mysql = await startServers({
      mysql: [
        { name: 's1', serverId: 131, flavor },
        { name: 't1', serverId: 231, flavor },
        { name: 't2', serverId: 232, flavor },
      ],
    });
    job = new CorpusJob(mysql, flavor);
    await job.fill();
    await job.start();
  }, 4 * MINUTES);

  afterAll(async () => {
    await job?.[Symbol.asyncDispose]();
    await mysql?.[Symbol.asyncDispose]();
  }, MINUTES);

  test('every feature arrives byte for byte, and the check says so', {
    timeout: 4 * MINUTES,
  }, async () => {
    await job.copyUnderLoad();
    await job.changeAndDrain();
    const { tables } = await job.judged();
    const differing = tables.flatMap(t => t.differences.map(d => `${t.table} ${d.key} ${d.kind}`));
    expect(differing).toEqual([]);
    expect(tables.filter(t => t.sourceRows === 0).map(t => t.table)).toEqual([]);
    const { code, out, err } = await callReshard(
      'verify',
      job.jobFile,
      '--json',
      '--timeout',
      '60',
    );
    expect(code, out + err).toBe(0);
  });

  test('snapshot and binlog bring the same values to the topic', async () => {
    for (const { feature, ways } of await job.consumed()) {
      const [snapshot = [], binlog, both] = ways;
      expect({ [feature.name]: binlog }).toEqual({ [feature.name]: snapshot });
      expect({ [feature.name]: both }).toEqual({ [feature.name]: snapshot });
      for (const event of feature.events) {
        const row = snapshot.find(r => r.id === event.id);
        expect({ [feature.name]: row }).toMatchObject({ [feature.name]: event });
      }
    }
  });

  test('what is not carried is refused by the doctor', async () => {
    const refused = job.refusedJob();
    if (refused === null) return;
    const { code, out } = await callReshard('doctor', refused.file, '--json');
    expect(code).toBe(3);
    const findings: { level: string; where: string; what: string }[] = JSON.parse(out).findings;
    const said = findings.filter(f => f.level === 'blocker').map(f => `${f.where}: ${f.what}`);
    for (const { name, refused: words } of refused.features) {
      expect(said).toContainEqual(expect.stringMatching(new RegExp(`\\b${name}\\b.*${words}`)));
    }
  });
});
