/** The control service: doctor and prepare under the lease, then the phase machine. */
import {
  kafkaOf,
  openContext,
  registryOf,
  type ServiceOptions,
} from '../../shared/member/context.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { runSupervised } from '../../shared/runtime/service.ts';
import { Control } from './control.ts';
import { blockers, runDoctor } from './doctor.ts';
import { renderFindings } from './doctor-report.ts';
import { leadership } from './leadership.ts';
import { prepare, prepared } from './prepare.ts';

export interface ControlOptions extends ServiceOptions {
  /** Create tables that a target lacks, as copies of the source's. */
  createTargets: boolean;
}

export async function runControl(o: ControlOptions): Promise<void> {
  const { job, log, signal } = o;
  const kafka = kafkaOf(job, log, 'reshard-control');
  try {
    await leadership({ kafka, job, log, signal }, async leading => {
      if (!(await prepared(kafka, job))) {
        await refuseBlocked(o);
        await prepare({ job, kafka, registry: registryOf(job), log });
      }
      await using context = await openContext('control', { ...o, signal: leading });
      context.readiness = () => ({ ok: true, detail: { phase: context.view.job?.phase } });
      await runSupervised('control', () => new Control(context), {
        log,
        signal: leading,
        onState: s => context.report.unitState('job', s),
      });
    });
  } finally {
    await kafka.close();
  }
}

/** A job does not start past a blocker. */
async function refuseBlocked(o: ControlOptions): Promise<void> {
  const findings = await runDoctor(o.job, {
    log: o.log,
    createTargets: o.createTargets,
    apply: o.createTargets,
  });
  const found = blockers(findings);
  if (found.length === 0) return;
  process.stderr.write(`${renderFindings(found)}\n`);
  throw new ReshardError('server-setting', `the doctor found ${found.length} blockers`, {
    remedy: 'apply the fixes above, then start again; `reshard doctor` repeats the checks',
  });
}
