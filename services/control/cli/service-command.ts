/** `reshard service`: one member of one service in this process. */
import type { Job } from '../../../shared/job/job.ts';
import { type ServiceName, StoppedEarly } from '../../../shared/member/context.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { handedJob, parentGone, tellParent } from './child-message.ts';
import { EXIT } from './exit-code.ts';
import { toldError } from './json-error.ts';
import { filledLine, useJobFile } from './output.ts';
import { host, loadService, runWayBack, SERVICES } from './service.ts';

export interface ServiceCommandOptions {
  httpPort: string;
  httpHost: string;
  createTargets?: boolean;
  /** The member of the way back alone. */
  wayBack?: boolean;
}

export async function serviceCommand(
  name: string,
  file: string,
  options: ServiceCommandOptions,
): Promise<number> {
  if (!isService(name)) {
    throw new ReshardError('config', `there is no service "${name}"`, {
      remedy: `one of: ${SERVICES.join(', ')}`,
    });
  }
  const httpPort = Number(options.httpPort);
  if (!Number.isInteger(httpPort) || httpPort < 0 || httpPort > 65535) {
    throw new ReshardError('config', `--http-port ${options.httpPort} is not a port`, {
      remedy: 'a number from 1 to 65535, or 0 for a free one',
    });
  }
  const log = createLogger({ name: `reshard-${name}`, line: filledLine });
  try {
    const job = await jobOf(file);
    log.info('service starts');
    const run = await loadService(name);
    tellParent('loaded');
    const signal = AbortSignal.any([stopSignal(), parentGone()]);
    const o = {
      ...{ job, jobFile: file, log, signal, httpPort, httpHost: options.httpHost },
      onJoined: () => tellParent('joined'),
      createTargets: options.createTargets === true,
    };
    await (options.wayBack ? runWayBack(run, { ...o, mayYield: true }) : host(name, run, o));
  } catch (e) {
    if (!(e instanceof StoppedEarly)) {
      tellParent({ error: toldError(e) });
      throw e;
    }
    log.info(e.message);
  }
  return EXIT.ok;
}

async function jobOf(file: string): Promise<Job> {
  const handed = await handedJob();
  if (handed === null) return (await import('./job-file.ts')).readJob(file);
  useJobFile(file);
  return handed;
}

function isService(name: string): name is ServiceName {
  return SERVICES.some(s => s === name);
}
