/** `reshard doctor`: every check of a job, nothing changed. */

import { createLogger } from '../../../shared/runtime/log.ts';
import { blockers, runDoctor } from '../doctor/doctor.ts';
import { renderFindings } from './doctor-report.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { print } from './output.ts';

export async function doctorCommand(
  file: string,
  o: { json?: boolean; createTargets?: boolean },
): Promise<number> {
  const job = await readJob(file);
  const log = createLogger({ name: 'reshard-doctor', level: 'warn' });
  const findings = await runDoctor(job, { log, createTargets: o.createTargets === true });
  const found = blockers(findings);
  print(
    o.json
      ? `${JSON.stringify({ ok: found.length === 0, findings }, null, 2)}\n`
      : `${renderFindings(findings)}\n`,
  );
  return found.length === 0 ? EXIT.ok : EXIT.blocked;
}
