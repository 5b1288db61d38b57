/** The `reshard` command once its code is loaded: parse, run, exit code. */

import { asReshardError, describeError } from '../../../shared/runtime/error.ts';
import { exitCodeOf } from './exit-code.ts';
import { tell } from './output.ts';
import { program } from './program.ts';

export async function entry(argv: readonly string[]): Promise<never> {
  // Who reads our output may stop reading (`| head`): that is an end, not a failure.
  process.stdout.on('error', (e: NodeJS.ErrnoException) => {
    if (e.code === 'EPIPE') process.exit(0);
    throw e;
  });

  let code: number;
  try {
    code = await program([...argv]);
  } catch (e) {
    tell(`reshard: ${describeError(e)}\n`);
    code = exitCodeOf(asReshardError(e).kind);
  }
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // Sockets of libraries may still be open: everything that matters has been awaited above.
  process.exit(code);
}

/** Whoever reads a pipe slowly would be given a part of what was written before the exit. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => stream.write('', () => resolve()));
}
